"""Potential workers: dated, sourced, restated; nothing is ever overwritten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

BASES: Final = ("workers", "vulnerable", "village_officials")


@dataclass(frozen=True, slots=True)
class Figure:
    """What a row states. A value of None withdraws the figure from `valid_from` on."""

    region: str
    basis: str
    valid_from: date
    value: int | None
    source: str
    definition: str


@dataclass(frozen=True, slots=True)
class Row:
    """A figure as it was recorded; `version` counts the rows of its region and basis from 1."""

    figure: Figure
    recorded_at: datetime
    version: int


def in_force(rows: Iterable[Row], on: date) -> Row | None:
    """Return the row in force on a day: the latest valid_from, then the latest recorded, then the greatest source.

    None where there is none, or where that row withdraws.
    """
    begun = (row for row in rows if row.figure.valid_from <= on)
    row = max(begun, key=lambda row: (row.figure.valid_from, row.recorded_at, row.figure.source), default=None)
    return row if row is not None and row.figure.value is not None else None


def is_news(figure: Figure, rows: Sequence[Row]) -> bool:
    """Say whether the figure states anything that the newest rows for its region, basis and day do not.

    Rows recorded together stand side by side, so that a file with two sources for one day can be sent again.
    """
    same_day = [
        row
        for row in rows
        if (row.figure.region, row.figure.basis, row.figure.valid_from)
        == (figure.region, figure.basis, figure.valid_from)
    ]
    latest = max((row.recorded_at for row in same_day), default=None)
    return figure not in (row.figure for row in same_day if row.recorded_at == latest)


class Book:
    """All rows of a process, by region and basis."""

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        self._regions: set[str] = set()

    def add(self, row: Row) -> None:
        """Take a row in; one that is there already (same version) changes nothing."""
        rows = self._rows[row.figure.region, row.figure.basis]
        if row not in rows:
            rows.append(row)
        self._regions.add(row.figure.region)

    @property
    def regions(self) -> frozenset[str]:
        """Every region that any row speaks of."""
        return frozenset(self._regions)

    def in_force(self, region: str, on: date) -> dict[str, Row]:
        """Return the row in force by basis; a basis without one is absent."""
        found = {basis: in_force(self._rows.get((region, basis), ()), on) for basis in BASES}
        return {basis: row for basis, row in found.items() if row is not None}
