"""Potential workers, the denominators: a region's own figure, or the sum of its children's where they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex, ReferenceKind, in_force
from shared.contracts.snapshots import Potential
from shared.regions.codes import level_of

POTENTIALS: Final = ReferenceKind("potentials", int)
BASES: Final = ("workers", "vulnerable", "village_officials")
_SUMS_KEPT: Final = 50_000
"""Every region above the villages on several days and bases: enough that a repeated question costs nothing."""

Children = Callable[[str], tuple[str, ...]]


_Sums = dict[tuple[str, str, AsOf], Potential | None]


class Potentials:
    """Finds the potential of a region. Sums are kept until the reference index changes. Threads may share it."""

    def __init__(self, reference: ReferenceIndex, children: Children) -> None:
        self._reference = reference
        self._children = children
        self._kept: tuple[int, _Sums] = (0, {})

    def of(self, region: str, basis: str, at: AsOf) -> Potential | None:
        """Return the figure in force, or the sum of the children's figures, or None."""
        return self._of(region, basis, self._since(at), self._sums())

    def is_kept(self, region: str, at: AsOf) -> bool:
        """Say whether all potentials of the region are figures or kept sums; those of the nation take 0.3 s to sum."""
        at, sums = self._since(at), self._sums()
        return level_of(region) == "village" or all(
            (region, basis, at) in sums or self._reference.one(POTENTIALS, region, basis, at) is not None
            for basis in BASES
        )

    def by_basis(self, region: str, at: AsOf) -> dict[str, Potential]:
        """Return the potential of each basis that has one."""
        found = {basis: self.of(region, basis, at) for basis in BASES}
        return {basis: potential for basis, potential in found.items() if potential is not None}

    def _of(self, region: str, basis: str, at: AsOf, sums: _Sums) -> Potential | None:
        row = self._reference.one(POTENTIALS, region, basis, at)
        if row is not None:
            statement = row.statement
            return Potential(row.value, statement.source, statement.valid_from, row.version, statement.definition)
        if level_of(region) == "village":
            return None
        key = (region, basis, at)
        if key not in sums:
            sums[key] = total(self._of(child, basis, at, sums) for child in self._children(region))
        return sums[key]

    def _since(self, at: AsOf) -> AsOf:
        """Return the first day on which the same figures were in force, so that sums serve all days since."""
        return at._replace(day=self._reference.begun((POTENTIALS,), at.day))

    def _sums(self) -> _Sums:
        """Return the sums kept; none yet after new rows. Work that began before goes on with the old ones."""
        size, sums = self._kept
        if size != self._reference.size or len(sums) > _SUMS_KEPT:
            self._kept = self._reference.size, {}
        return self._kept[1]


def total(parts: Iterable[Potential | None]) -> Potential | None:
    """Return the sum. None where a part is missing, or where parts differ in source, definition or date.

    The version of the sum is the sum of the versions, so that it grows when any of them grows.
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


def periods_in_force(
    rows: Iterable[RecordedRow[int]], at: AsOf
) -> Iterator[tuple[date, RecordedRow[int] | None, bool]]:
    """Yield the periods of a series up to the day, oldest first, as they were known at `at.known_at`.

    Each has its first day, the row in force (None where the figure was withdrawn), and whether the definition changed:
    then ratios before and after cannot be compared.
    """
    rows = list(rows)
    definition: str | None = None
    for since in sorted({row.statement.valid_from for row in rows if row.known(at.known_at)}):
        if since <= at.day:
            row = in_force(rows, AsOf(since, at.known_at))
            now = definition if row is None else row.statement.definition
            yield since, row, definition is not None and now != definition
            definition = now
