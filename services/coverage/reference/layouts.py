"""How each kind of reference data is written: its columns, what each may hold, and the figure that a row states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Generic, TypeVar

from services.coverage.reference.cells import Check, Fault, fault_of_date, fault_of_remark, fault_of_text
from services.coverage.reference.domain.reference import Figure, Kind

V = TypeVar("V")
Cells = Mapping[str, str]
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what is wrong with a cell of it, the JSON Schema of its JSON form, and whether it may be left out.

    `takes` are the types of its JSON form: text, `Number`, or a list, which in CSV is joined by |.
    """

    name: str
    fault_of: Check
    schema: Schema
    optional: bool = False
    takes: tuple[type, ...] = (str,)


def _nothing_else(_cells: Cells) -> Iterator[tuple[str, Fault]]:
    return iter(())


def _repeated(_first: Figure[Any], _second: Figure[Any]) -> Fault:
    return Fault("repeated_row", "states the same as an earlier row", "keep one of them")


@dataclass(frozen=True, slots=True)
class Layout(Generic[V]):
    """A kind of reference data as it is written and shown.

    `faults_of` finds, in a row whose cells are each right, what only several together tell. `join` makes one figure
    of two rows of the same series, day and source, where that is meant. `shown` are a figure's fields as they are
    listed, `shown_schema` those that are not columns.
    """

    kind: Kind[V]
    about: str
    columns: tuple[Column, ...]
    examples: tuple[dict[str, Any], ...]
    figure: Callable[[Cells], Figure[V]]
    shown: Callable[[Figure[V]], dict[str, Any]]
    faults_of: Callable[[Cells], Iterator[tuple[str, Fault]]] = _nothing_else
    join: Callable[[Figure[V], Figure[V]], Figure[V] | Fault] = _repeated
    shown_schema: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that may not be left out."""
        return tuple(column.name for column in self.columns if not column.optional)


TEXT: Final[Schema] = {"type": "string", "maxLength": 500}
DAY: Final[Schema] = {"type": "string", "format": "date"}
WHOLE_OR_NULL: Final[Schema] = {"type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000_000}


def _anything(_text: str) -> None:
    """Leave the region to the check that knows the list of regions."""


WITHDRAWN: Final = ("", "withdrawn")
"""What withdraws where the value is a word; elsewhere nothing does, and in JSON null."""
REGION: Final = Column("region", _anything, {"type": "string", "description": "Kemendagri code, or ID for the nation"})
VALID_FROM: Final = Column("valid_from", fault_of_date, DAY)
SOURCE: Final = Column("source", fault_of_text, TEXT | {"minLength": 1, "description": "who says so"})
DEFINITION: Final = Column(
    "definition", fault_of_text, TEXT | {"minLength": 1, "description": "what is counted, in words"}
)
NAME: Final = Column("name", fault_of_text, TEXT | {"minLength": 1})
REMARK: Final = Column(
    "definition",
    fault_of_remark,
    TEXT | {"type": ["string", "null"], "description": "what it rests on, for example a decree"},
    optional=True,
)


def figure_of(kind: Kind[V], cells: Cells, series: str, value: V | None) -> Figure[V]:
    """Return the figure that a row of right cells states, with what all kinds of a region have in common."""
    return Figure(
        kind,
        cells["region"],
        series,
        date.fromisoformat(cells["valid_from"]),
        value,
        cells["source"],
        cells["definition"],
    )


def shown_of(figure: Figure[Any], **own: Any) -> dict[str, Any]:
    """Return the figure's fields as they are listed, with those that its kind adds."""
    return {
        "region": figure.region,
        **own,
        "valid_from": figure.valid_from,
        "source": figure.source,
        "definition": figure.definition,
    }


def whole(text: str) -> int | None:
    """Return the number of a right cell; None where it is empty."""
    return int(text) if text else None
