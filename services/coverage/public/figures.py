"""Reads the figures of a release before anything is hidden: as of a month's end, all of one point in time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Final, Literal

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import before, summed
from services.coverage.counting.domain.region_counts import Period, Timeline
from services.coverage.counting.ports import PointInTime, Store
from services.coverage.public.domain.hiding import Counted, Within
from services.coverage.public.domain.release import FULL_LEVELS, About, Month, PublicDesignation
from services.coverage.reading.derived import WORKERS
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import Potentials
from services.coverage.reference.domain.quota import QUOTAS, Village
from services.coverage.reference.domain.ratio import ratio
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Count, Coverage, QuotaBoard
from shared.regions.codes import level_of, lineage_of, parent_of, zone_name, zone_of

Children = Callable[[str], tuple[str, ...]]
SLICE_OF: Final[dict[str, Literal["segment", "payer", "group", "programme"]]] = {
    "by_segment": "segment",
    "by_payer": "payer",
    "by_group": "group",
    "by_programme": "programme",
}


class Figures:
    """Reads counts and joins them with the quotas in force."""

    def __init__(self, store: Store, reference: ReferenceIndex, children: Children) -> None:
        self._store = store
        self._reference = reference
        self._children = children

    @asynccontextmanager
    async def of(self, month: Month, known_at: date = date.max) -> AsyncIterator[Reading]:
        """Give what reads the figures of a month, all of the point in time at which this begins."""
        async with self._store.point_in_time() as counts:
            yield Reading(counts, self._reference, self._children, month, known_at)


class Reading:
    """Reads the figures of one month, family by family."""

    def __init__(
        self, counts: PointInTime, reference: ReferenceIndex, children: Children, month: Month, known_at: date
    ) -> None:
        self._counts = counts
        self._reference = reference
        self._children = children
        self._month = month
        self._period = Period(before(month.first_day), month.last_day, known_at)
        self._at = AsOf(month.last_day, None if known_at == date.max else known_at)
        self._groups = sorted(
            {group for region in reference.regions_of(QUOTAS) for group in reference.all(QUOTAS, region, self._at)}
        )

    async def regency(self, regency: str) -> list[Counted]:
        """Return the regency, its districts and its villages; boards of quotas with each."""
        places = [regency]
        for district in self._children(regency):
            places += [district, *self._children(district)]
        lines = await self._timelines(places)
        tallies = {region: line.tally for region, line in lines.items()}
        boards = {region: _Boards() for region in places}
        for district in self._children(regency) if self._groups else ():
            for group in self._groups:
                for village in self._villages(district, group, tallies):
                    for region in (regency, district, village.region):
                        boards[region].add(group, village)
        found = {region: self._counted(region, lines[region], tallies[region]) for region in places}
        return [
            replace(one, quota=boards[region].boards(), groups=groups_between(boards[region].villages, found))
            if region == regency
            else replace(one, quota=boards[region].boards(), at_least=boards[region].at_least)
            for region, one in found.items()
        ]

    async def above(self, region: str, below: Iterable[Counted]) -> Counted:
        """Return a province or the nation; its boards are the sums of those below it."""
        line = (await self._timelines([region]))[region]
        boards: dict[str, list[QuotaBoard]] = {}
        for one in below:
            for board in one.quota:
                boards.setdefault(board.group, []).append(board)
        merged = tuple(quota.merged(group, boards[group]) for group in sorted(boards))
        return replace(self._counted(region, line, line.tally), quota=merged)

    async def _timelines(self, regions: Collection[str]) -> dict[str, Timeline]:
        return await self._counts.timelines(regions, self._period)

    def _villages(self, district: str, group: str, tallies: Mapping[str, Tally]) -> Iterable[Village]:
        for village, held in quota.holding(self._reference, district, group, self._at, self._children):
            yield quota.village(village, held, tallies[village].by("group").get(group, Count()))

    def _counted(self, region: str, line: Timeline, tally: Tally) -> Counted:
        people = Count(tally.registered, tally.active)
        if level_of(region) == "village":
            return Counted(region, people)
        unplaced = Count(tally.placed_here, tally.placed_here_active)
        if level_of(region) not in FULL_LEVELS:
            return Counted(region, people, unplaced)
        flows = summed(
            line.flows_between(self._month.first_day, self._month.last_day),
            self._month.first_day, self._month.last_day,
        )  # fmt: skip
        slices = {name: tally.by(attribute) for name, attribute in SLICE_OF.items()}
        return Counted(region, people, unplaced, slices, flows)


@dataclass(slots=True)
class _Boards:
    """The villages of a region under quotas, and how many active people everybody knows of from those that pass."""

    villages: dict[str, list[Village]] = field(default_factory=dict)

    def add(self, group: str, village: Village) -> None:
        self.villages.setdefault(group, []).append(village)

    def boards(self) -> tuple[QuotaBoard, ...]:
        return tuple(quota.board(group, self.villages[group]) for group in sorted(self.villages))

    @property
    def at_least(self) -> int:
        known: dict[str, int] = {}
        for villages in self.villages.values():
            for village in villages:
                if village.passes:
                    known[village.region] = max(known.get(village.region, 0), village.required)
        return sum(known.values())


def groups_between(villages: Mapping[str, Sequence[Village]], counted: Mapping[str, Counted]) -> dict[str, Within]:
    """Return by group what may be known of a regency from the places below it.

    A village that meets its quota has its people, one that does not has fewer; and no place has more than all its own.
    """
    found = {}
    for group, under in villages.items():
        if len({village.measure for village in under}) > 1:
            continue
        measure, least, most, inside, outside = under[0].measure, 0, 0, 0, 0
        quotas = {village.region: village for village in under}
        for region, one in counted.items():
            if level_of(region) != "village":
                outside += getattr(one.unplaced, measure)
                continue
            people: int = getattr(one.people, measure)
            inside += people
            if region in quotas and quotas[region].passes:
                least += quotas[region].required
            elif region in quotas:
                people = min(people, quotas[region].required - 1)
            most += people
        found[group] = Within(inside, outside, (least, most))
    return found


def same_values(counted: Sequence[Counted]) -> list[Counted]:
    """Return the regions with every value in their slices that any of them has: a hidden 0 has a place then."""
    values = {name: sorted({value for one in counted for value in one.slices.get(name, ())}) for name in SLICE_OF}
    return [
        replace(one, slices={name: {value: found.get(value, Count()) for value in values[name]}
                             for name, found in one.slices.items()})
        for one in counted
    ]  # fmt: skip


class Abouts:
    """Says what is public of a region in a release besides its numbers; reference data as it was when it was made."""

    def __init__(
        self, month: Month, made_on: date, reference: ReferenceIndex, children: Children,
        name_of: Callable[[str], str | None],
    ) -> None:  # fmt: skip
        self._month = month
        self._made_on = made_on
        self._at = AsOf(month.last_day)
        self._potentials = Potentials(reference, children)
        self._name_of = name_of
        self._designated = [
            village
            for village in reference.regions_of(DESIGNATIONS)
            if level_of(village) == "village" and desa_sadar.designation(reference, village, self._at) is not None
        ]
        self._designated_in: dict[str, int] = {}
        for village in self._designated:
            for region in lineage_of(village):
                self._designated_in[region] = self._designated_in.get(region, 0) + 1

    def of(self, counted: Counted) -> About:
        """Return it for a region."""
        region, people = counted.region, counted.people
        potential = self._potentials.by_basis(region, self._at)
        value = potential[WORKERS].value if WORKERS in potential else None
        return About(
            month=self._month,
            made_on=self._made_on,
            as_of=datetime.combine(self._month.last_day, time(23, 59, 59), zone_of(region)),
            name=self._name_of(region) or region,
            level=level_of(region),
            time_zone=zone_name(region),
            parent=parent_of(region),
            potential=potential,
            coverage=Coverage(ratio(people.registered, value), ratio(people.active, value)),
            designation=self._designation(region),
        )

    def _designation(self, region: str) -> PublicDesignation | None:
        if not self._designated:
            return None
        count = self._designated_in.get(region, 0)
        return (
            PublicDesignation(designated=bool(count))
            if level_of(region) == "village"
            else PublicDesignation(None, count)
        )
