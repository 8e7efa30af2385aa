"""Potential workers, the denominators: a region's own figure, else the sum of all its children's where they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from services.coverage.reference.domain.reference import AsOf, Book, Kind, Row, in_force
from shared.contracts.snapshots import Potential
from shared.regions.codes import level_of

POTENTIALS: Final = Kind("potentials", int)
BASES: Final = ("workers", "vulnerable", "village_officials")
_SUMS_KEPT: Final = 50_000
"""Every region above the villages on several days and bases; a sum that is asked for again then costs nothing."""

Children = Callable[[str], tuple[str, ...]]


class Potentials:
    """Finds the potential of a region, and remembers the sums it made until the book changes."""

    def __init__(self, book: Book, children: Children) -> None:
        self._book = book
        self._children = children
        self._sums: dict[tuple[str, str, AsOf], Potential | None] = {}
        self._made_of = 0

    def of(self, region: str, basis: str, at: AsOf) -> Potential | None:
        """Return the figure in force, else the sum of the children's; None where there is neither."""
        row = self._book.one(POTENTIALS, region, basis, at)
        if row is not None:
            return _stated(row)
        return None if level_of(region) == "village" else self._summed(region, basis, at)

    def by_basis(self, region: str, at: AsOf) -> dict[str, Potential]:
        """Return the potential of each basis that has one."""
        found = {basis: self.of(region, basis, at) for basis in BASES}
        return {basis: potential for basis, potential in found.items() if potential is not None}

    def _summed(self, region: str, basis: str, at: AsOf) -> Potential | None:
        if self._made_of != self._book.size or len(self._sums) > _SUMS_KEPT:
            self._sums.clear()
            self._made_of = self._book.size
        key = (region, basis, at)
        if key not in self._sums:
            self._sums[key] = total(self.of(child, basis, at) for child in self._children(region))
        return self._sums[key]


def total(parts: Iterable[Potential | None]) -> Potential | None:
    """Return the sum; None where a part is missing, or has another source, definition or date, or where there is none.

    Its version is the sum of theirs, so that it grows with each of them.
    """
    value, version, first = 0, 0, None
    for part in parts:
        if part is None or (first is not None and _terms(part) != _terms(first)):
            return None
        first = first or part
        value, version = value + part.value, version + part.version
    return None if first is None else replace(first, value=value, version=version, summed=True)


def _terms(potential: Potential) -> tuple[str, str, date]:
    return potential.source, potential.definition, potential.valid_from


def _stated(row: Row[int]) -> Potential:
    figure = row.figure
    return Potential(row.value, figure.source, figure.valid_from, row.version, figure.definition)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `since` on the row held; None where the figure was withdrawn. `breaks`: the definition is another than
    before, so that what was divided by it before cannot be compared.
    """

    since: date
    row: Row[int] | None
    breaks: bool


def stretches(rows: Iterable[Row[int]], at: AsOf) -> Iterator[Stretch]:
    """Yield what held one after another up to the day, as it was known then."""
    rows = list(rows)
    definition: str | None = None
    for since in sorted({row.figure.valid_from for row in rows if row.known(at.known_at)}):
        if since <= at.day:
            row = in_force(rows, AsOf(since, at.known_at))
            now = definition if row is None else row.figure.definition
            yield Stretch(since, row, breaks=definition is not None and now != definition)
            definition = now
