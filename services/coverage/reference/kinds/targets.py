"""How target paths are written: a row a point, all rows of one `valid_from` being one path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from services.coverage.reference.cells import Fault, Number, fault_of_date, fault_of_ratio, one_of
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.domain.targets import MEASURES, TARGETS, Path, Point, series_of
from services.coverage.reference.kinds.potentials import BASIS
from services.coverage.reference.layouts import (
    DAY,
    DEFINITION,
    REGION,
    SOURCE,
    VALID_FROM,
    Cells,
    Column,
    Layout,
    Schema,
    figure_of,
    shown_of,
)

MEASURE: Final = Column("measure", one_of(MEASURES), {"enum": list(MEASURES)})
_DAY_OR_NULL: Final = DAY | {"type": ["string", "null"]}
_RATIO: Final[Schema] = {
    "type": ["string", "number", "null"],
    "description": "an exact decimal from 0 to 1: 0.40, not 40 %",
}


def _faults(cells: Cells) -> Iterator[tuple[str, Fault]]:
    for field, other in (("date", "ratio"), ("ratio", "date")):
        if cells[other] and not cells[field]:
            yield field, Fault("empty", f"is empty beside a {other}", "state both, or neither to withdraw the path")


def _figure(cells: Cells) -> Figure[Path]:
    stated = Path((Point(date.fromisoformat(cells["date"]), Decimal(cells["ratio"])),)) if cells["date"] else None
    return figure_of(TARGETS, cells, series_of(cells["basis"], cells["measure"]), stated)


def _longer(first: Figure[Path], second: Figure[Path]) -> Figure[Path] | Fault:
    """Return the path with one point more."""
    if first.value is None or second.value is None:
        return Fault("repeated_row", "a path is withdrawn and stated at once", "keep its points or the empty row")
    if first.definition != second.definition:
        return Fault("definition_differs", "a path has one definition", "write the same in each of its rows")
    last, point = first.value.points[-1], second.value.points[0]
    if point.on == last.on:
        return Fault("repeated_point", f"the path has a point of {point.on} already", "keep one of them")
    if point.on < last.on:
        return Fault("out_of_order", f"{point.on} comes after {last.on} in the file", "sort the path's rows by date")
    return replace(first, value=Path((*first.value.points, point)))


def _shown(figure: Figure[Path]) -> dict[str, Any]:
    basis, _, measure = figure.series.partition(" ")
    points = figure.value.points if figure.value else ()
    listed = [{"date": point.on, "ratio": str(point.ratio)} for point in points]
    return shown_of(figure, basis=basis, measure=measure, points=listed)


LAYOUT: Final = Layout(
    TARGETS,
    about="Target paths: a row a point, by date. Neither date nor ratio withdraws the path.",
    columns=(
        REGION,
        BASIS,
        MEASURE,
        VALID_FROM,
        Column("date", lambda text: fault_of_date(text) if text else None, _DAY_OR_NULL),
        Column("ratio", fault_of_ratio, _RATIO, takes=(str, Number)),
        SOURCE,
        DEFINITION,
    ),
    examples=tuple(
        {
            "region": "11",
            "basis": "workers",
            "measure": "registered",
            "valid_from": "2023-01-01",
            "date": day,
            "ratio": ratio,
            "source": "kemenko-pmk",
            "definition": "path to universal coverage",
        }
        for day, ratio in (("2023-12-31", "0.40"), ("2025-12-31", "0.4354"), ("2045-12-31", "0.995"))
    ),
    figure=_figure,
    shown=_shown,
    faults_of=_faults,
    join=_longer,
    shown_schema={
        "points": {
            "type": "array",
            "description": "empty where the path was withdrawn",
            "items": {"type": "object", "properties": {"date": DAY, "ratio": {"type": "string"}}},
        }
    },
)
