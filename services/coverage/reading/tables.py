"""A table as a page shows it and as files hold it: the same rows, in the same order, with the same gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final, Literal

Language = Literal["id", "en"]
Form = Literal["text", "number", "ratio", "date"]


class Absent(Enum):
    """Why a cell has no value: its number is suppressed, or nobody has supplied a denominator."""

    HIDDEN = "hidden"
    NO_POTENTIAL = "no_potential"


Cell = str | int | float | date | Absent | None
"""None is a cell to which nothing applies. A ratio is 0.3809, not per cent."""

ABSENT: Final[Mapping[Language, Mapping[Absent, str]]] = {
    "id": {Absent.HIDDEN: "Disamarkan (<10)", Absent.NO_POTENTIAL: "Belum ada data potensi"},
    "en": {Absent.HIDDEN: "Suppressed (<10)", Absent.NO_POTENTIAL: "No denominator"},
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `key` is the same in each language."""

    key: str
    title: str
    form: Form


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many cells as there are columns, and pairs of notes about them: as of, known at, sources, link.

    `name` has at most 31 characters and none of `[]:*?/\\`, as Excel wants of a sheet. Titles and notes are in
    `language`.
    """

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    about: Sequence[tuple[str, str]]
    language: Language = "id"

    def note(self, row: Sequence[Cell]) -> str | None:
        """Return why cells of the row are empty, each reason once; None if no reason is known."""
        reasons = [ABSENT[self.language][reason] for reason in Absent if reason in row]
        return "; ".join(reasons) or None


def row_of(columns: Sequence[Column], cells: Mapping[str, Cell]) -> list[Cell]:
    """Return the cells by key in the order of the columns; one without a cell stays empty."""
    return [cells.get(column.key) for column in columns]
