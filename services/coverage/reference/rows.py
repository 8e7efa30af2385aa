"""Says of each row of a file what is wrong with it, and of a right file what figures it states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.coverage.reference.cells import Fault, HomeOf, fault_of_region, fault_of_type, shown
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.layouts import Cells, Layout
from services.coverage.reference.tables import Rows, UnreadableError

MAX_ROWS: Final = 100_000
"""One row for every region there is, and some."""

_Key = tuple[str, str, date, str]


@dataclass(frozen=True, slots=True)
class RowError:
    """A row at fault: its number (in CSV the line, in JSON the place in the list, both from 1), the region it names,
    the field, a code for programs, what is wrong, and what to do.
    """

    row: int
    region: str
    field: str
    code: str
    wrong: str
    fix: str


@dataclass(slots=True)
class Checked:
    """How many rows a file has, the figures they state, and what is wrong with any of them."""

    rows: int
    figures: list[Figure[Any]]
    errors: list[RowError]


def check(layout: Layout[Any], rows: Rows, home_of: HomeOf) -> Checked:
    """Return the figures that the rows state, and all that is wrong with any of them. Raises: UnreadableError."""
    figures: dict[_Key, Figure[Any]] = {}
    checked = Checked(0, [], [])
    for number, cells in rows:
        checked.rows += 1
        if checked.rows > MAX_ROWS:
            raise UnreadableError(f"there are more than {MAX_ROWS} rows; send the file in parts")
        faults = list(_faults(layout, cells, home_of)) or list(_gather(layout, cells, figures))
        checked.errors += [_error(number, cells, field, fault) for field, fault in faults]
    checked.figures = list(figures.values())
    return checked


def _faults(layout: Layout[Any], cells: Cells, home_of: HomeOf) -> Iterator[tuple[str, Fault]]:
    """Yield the faults of single cells; where there are none, those that only several together show."""
    found = False
    for column in layout.columns:
        text = cells[column.name]
        fault = fault_of_region(text, home_of) if column.name == "region" else column.fault_of(text)
        fault = fault or fault_of_type(text)
        if fault is not None:
            found = True
            yield column.name, fault
    if not found:
        yield from layout.faults_of(cells)


def _gather(layout: Layout[Any], cells: Cells, figures: dict[_Key, Figure[Any]]) -> Iterator[tuple[str, Fault]]:
    """Take the figure of a right row in; yield a fault where it cannot stand beside an earlier row's."""
    figure = layout.figure(cells)
    key = (figure.region, figure.series, figure.valid_from, figure.source)
    joined = layout.join(figures[key], figure) if key in figures else figure
    if isinstance(joined, Fault):
        yield ("date" if "date" in cells else layout.names[0]), joined
    else:
        figures[key] = joined


def _error(number: int, cells: Cells, field: str, fault: Fault) -> RowError:
    return RowError(number, shown(cells.get("region", ""))[1:-1], field, fault.code, fault.wrong, fault.fix)
