"""Quotas of people in a village ("Satu Desa 100 Pekerja Rentan"): which quota holds where, and who meets it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from services.coverage.reference.domain.potentials import Children
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex, ReferenceKind
from shared.contracts.snapshots import Count, QuotaBoard
from shared.regions.codes import level_of, lineage_of, parent_of

T = TypeVar("T")

_BY_FIRST_DIGIT: Final = {"1": "kelurahan", "2": "desa", "3": "desa_adat"}


@dataclass(frozen=True, slots=True)
class Quota:
    """The number of people, registered or active, that each village of these kinds must have."""

    measure: str
    count: int
    kinds: tuple[str, ...]


QUOTAS: Final = ReferenceKind("quotas", Quota)


@dataclass(frozen=True, slots=True)
class Village:
    """A village with a quota, and how many people of the group it has."""

    region: str
    measure: str
    required: int
    people: int

    @property
    def passes(self) -> bool:
        """Whether the quota is met."""
        return self.people >= self.required

    @property
    def people_short(self) -> int:
        """How many people are missing."""
        return max(0, self.required - self.people)


def kind_of(village: str) -> str | None:
    """Return the kind of a village, which the last part of its code begins with; None for another digit."""
    return _BY_FIRST_DIGIT.get(village.rpartition(".")[2][:1])


def nearest(reference: ReferenceIndex, region: str | None, group: str, at: AsOf) -> RecordedRow[Quota] | None:
    """Return the row of the region, or of the nearest region above that has one. That row decides alone."""
    above = () if region is None else lineage_of(region)
    return next((row for place in above if (row := reference.one(QUOTAS, place, group, at)) is not None), None)


def holding(
    reference: ReferenceIndex, region: str, group: str, at: AsOf, children: Children
) -> Iterator[tuple[str, Quota]]:
    """Yield every village in the region that has a quota for the group, with that quota."""
    yield from _below(reference, region, group, at, children, nearest(reference, parent_of(region), group, at))


def _below(
    reference: ReferenceIndex, region: str, group: str, at: AsOf, children: Children, above: RecordedRow[Quota] | None
) -> Iterator[tuple[str, Quota]]:
    row = reference.one(QUOTAS, region, group, at) or above
    if level_of(region) != "village":
        for child in children(region):
            yield from _below(reference, child, group, at, children, row)
    elif row is not None and kind_of(region) in row.value.kinds:
        yield region, row.value


def village(region: str, quota: Quota, count: Count) -> Village:
    """Compare a village with its quota."""
    return Village(region, quota.measure, quota.count, count.active if quota.measure == "active" else count.registered)


def board(group: str, villages: Iterable[Village]) -> QuotaBoard:
    """Return the sums over villages, never a mean. Measure and requirement are None where villages differ in them."""
    villages = list(villages)
    short = [one for one in villages if not one.passes]
    return QuotaBoard(
        group=group,
        measure=_common(one.measure for one in villages),
        required=_common(one.required for one in villages),
        villages=len(villages),
        passing=len(villages) - len(short),
        at_zero=sum(one.people == 0 for one in villages),
        gap=sum(one.required - one.people for one in short),
        people_below=sum(one.people for one in short),
    )


def merged(group: str, boards: Iterable[QuotaBoard]) -> QuotaBoard:
    """Return the board of all villages of one or more boards."""
    boards = list(boards)
    return QuotaBoard(
        group=group,
        measure=_common(b.measure for b in boards),
        required=_common(b.required for b in boards),
        villages=sum(b.villages for b in boards),
        passing=sum(b.passing for b in boards),
        at_zero=sum(b.at_zero for b in boards),
        gap=sum(b.gap for b in boards),
        people_below=sum(b.people_below for b in boards),
    )


def _common(values: Iterable[T]) -> T | None:
    """Return the value that all have in common, or None."""
    found = set(values)
    return found.pop() if len(found) == 1 else None
