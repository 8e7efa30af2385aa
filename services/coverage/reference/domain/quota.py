"""Quotas of people a village ("Satu Desa 100 Pekerja Rentan"): which holds where, who passes, how many are short."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from services.coverage.reference.domain.reference import AsOf, Book, Kind, Row
from shared.contracts.snapshots import Count, QuotaBoard
from shared.regions.codes import level_of, lineage_of, parent_of

Children = Callable[[str], tuple[str, ...]]

KINDS_OF_VILLAGE: Final = ("desa", "kelurahan", "desa_adat")
_BY_FIRST_DIGIT: Final = {"1": "kelurahan", "2": "desa", "3": "desa_adat"}


@dataclass(frozen=True, slots=True)
class Quota:
    """So many people, registered or active, in each village of these kinds."""

    measure: str
    count: int
    kinds: tuple[str, ...]


QUOTAS: Final = Kind("quotas", Quota)


@dataclass(frozen=True, slots=True)
class Village:
    """A village that a quota holds for, and how many people of the group it has."""

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
    """Return the kind of village that the code tells; None for one that it does not."""
    return _BY_FIRST_DIGIT.get(village.rpartition(".")[2][:1])


def nearest(book: Book, region: str | None, group: str, at: AsOf) -> Row[Quota] | None:
    """Return the row set on the region, else on the nearest one above that has one: it decides alone."""
    above = () if region is None else lineage_of(region)
    return next((row for place in above if (row := book.one(QUOTAS, place, group, at)) is not None), None)


def holding(book: Book, region: str, group: str, at: AsOf, children: Children) -> Iterator[tuple[str, Quota]]:
    """Yield every village, of the region or below, that a quota of the group holds for, with that quota."""
    yield from _below(book, region, group, at, children, nearest(book, parent_of(region), group, at))


def _below(
    book: Book, region: str, group: str, at: AsOf, children: Children, above: Row[Quota] | None
) -> Iterator[tuple[str, Quota]]:
    row = book.one(QUOTAS, region, group, at) or above
    if level_of(region) != "village":
        for child in children(region):
            yield from _below(book, child, group, at, children, row)
    elif row is not None and kind_of(region) in row.value.kinds:
        yield region, row.value


def village(region: str, quota: Quota, count: Count) -> Village:
    """Return how a village stands against its quota."""
    return Village(region, quota.measure, quota.count, count.active if quota.measure == "active" else count.registered)


def merged(group: str, boards: Iterable[QuotaBoard]) -> QuotaBoard:
    """Return the board of all villages of the boards, of which there is at least one."""
    boards = list(boards)
    measures, required = {b.measure for b in boards}, {b.required for b in boards}
    return QuotaBoard(
        group=group,
        measure=measures.pop() if len(measures) == 1 else None,
        required=required.pop() if len(required) == 1 else None,
        villages=sum(b.villages for b in boards),
        passing=sum(b.passing for b in boards),
        at_zero=sum(b.at_zero for b in boards),
        gap=sum(b.gap for b in boards),
        people_below=sum(b.people_below for b in boards),
    )


def board(group: str, villages: Iterable[Village]) -> QuotaBoard:
    """Return the sums over villages; never a mean. Measure and requirement are named where all have the same."""
    villages = list(villages)
    measures, required = {v.measure for v in villages}, {v.required for v in villages}
    return QuotaBoard(
        group=group,
        measure=measures.pop() if len(measures) == 1 else None,
        required=required.pop() if len(required) == 1 else None,
        villages=len(villages),
        passing=sum(v.passes for v in villages),
        at_zero=sum(v.people == 0 for v in villages),
        gap=sum(v.people_short for v in villages),
        people_below=sum(v.people for v in villages if not v.passes),
    )
