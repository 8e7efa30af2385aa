"""Quotas and Desa Sadar of villages: each district's are kept until it is counted anew, and summed up for all above."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.coverage.counting.domain.region_counts import Version
from services.coverage.counting.ports import Store
from services.coverage.reading.derived import GROUP_OF, OFFICIALS, Board
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS, Children
from services.coverage.reference.domain.quota import QUOTAS, Village
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Count, Designation, DesignationState, QuotaBoard, Snapshot
from shared.regions.codes import NATION, holds, level_of, lineage_of, parent_of

_KEPT: Final = 20_000
"""Every district on two days: the day changes at three different hours."""

_PIECE: Final = 50
"""Districts computed in one go: some 30 ms, during which the process does nothing else."""

Groups = Mapping[str, Count]
"""Registered and active people by group."""


@dataclass(frozen=True, slots=True)
class District:
    """By group the villages under a quota and their board; the state of each village with a roster or a decree."""

    quotas: Mapping[str, tuple[Village, ...]]
    boards: Mapping[str, QuotaBoard]
    states: Mapping[str, DesignationState]


@dataclass(frozen=True, slots=True)
class QuotaPage:
    """A region's board of a group, and its villages: those at zero first, then the most short, then by code."""

    total: QuotaBoard
    villages: list[Village]


class Boards:
    """Sums up the villages of a region. `now` takes all counts there are, otherwise they are as of a day.

    Districts of now are kept, and recomputed after new counts, a new day or new reference data.
    """

    def __init__(self, reference: ReferenceIndex, children: Children, store: Store) -> None:
        self._reference = reference
        self._children = children
        self._store = store
        self._kept: dict[tuple[str, date], tuple[Version, District]] = {}
        self._bearing: dict[str, tuple[str, ...]] = {}
        self._sizes: dict[str, int] = {}
        self._made_of = -1

    async def quota(self, region: str, group: str, at: AsOf, *, now: bool) -> QuotaPage:
        """Return the board of a group with every village, here and below, that has a quota."""
        districts = await self._districts([region], at, now=now)
        villages = [village for one in districts.values() for village in one.quotas.get(group, ())]
        held = sorted((village for village in villages if holds(region, village.region)), key=place_on_board)
        return QuotaPage(quota.board(group, held), held)

    async def states(self, region: str, at: AsOf, *, now: bool) -> dict[str, DesignationState]:
        """Return the state of each village, here and below, with a roster or a decree."""
        districts = await self._districts([region], at, now=now)
        states = {village: state for one in districts.values() for village, state in one.states.items()}
        return {village: state for village, state in sorted(states.items()) if holds(region, village)}

    async def of(self, counted: Mapping[str, Snapshot], days: Mapping[str, AsOf], *, now: bool) -> dict[str, Board]:
        """Return the board of each counted region, as of its day; a village's follows from its own counts."""
        boards: dict[str, Board] = {}
        for at in set(days.values()):
            regions = [region for region in counted if days[region] == at]
            above = [region for region in regions if level_of(region) != "village"]
            districts = await self._districts(above, at, now=now) if above else {}
            for region in regions:
                is_village = level_of(region) == "village"
                boards[region] = (
                    self._of_village(counted[region], at) if is_village else self._above(region, at, districts)
                )
        return boards

    def _of_village(self, village: Snapshot, at: AsOf) -> Board:
        quotas = self._quotas(village.region, at, {village.region: village.by_group})
        boards = tuple(quota.board(group, villages) for group, villages in quotas)
        return Board(boards, self._designation_of(village.region, at, village.by_group))

    def _above(self, region: str, at: AsOf, districts: Mapping[str, District]) -> Board:
        ours = [districts[district] for district in self._bearing_in(region)]
        groups = sorted({group for district in ours for group in district.boards})
        boards = (quota.merged(group, (one.boards[group] for one in ours if group in one.boards)) for group in groups)
        states = Counter(state for one in ours for state in one.states.values())
        return Board(tuple(boards), self._designation(region, at, states))

    def _designation(self, region: str, at: AsOf, states: Mapping[DesignationState, int]) -> Designation | None:
        """Return the number of villages by state if any roster or decree is known, and the nation's pace."""
        pace = desa_sadar.pace(self._reference, at) if region == NATION else None
        if not states:
            return None if pace is None else Designation(pace=pace)
        villages = {state: states.get(state, 0) for state in desa_sadar.STATES}
        villages["none"] += self._size(region) - sum(states.values())
        return Designation(villages=villages, pace=pace)

    def _size(self, region: str) -> int:
        """Return the number of villages in a region; the list of regions never changes within a process."""
        if level_of(region) == "village":
            return 1
        if region not in self._sizes:
            self._sizes[region] = sum(map(self._size, self._children(region)))
        return self._sizes[region]

    async def _districts(self, regions: Iterable[str], at: AsOf, *, now: bool) -> dict[str, District]:
        """Return the districts of these regions in which a quota, roster or decree may concern a village.

        Counts are as of the day, all at one point in time. If `now`, they are all counts there are, and each
        district's are of one point in time.
        """
        self._forget()
        districts = {district for region in regions for district in self._bearing_in(region)}
        if not now:
            return await self._computed(districts, at, now=False)
        # Read before the counts, so that the next call notices what is counted in between.
        versions = await self._store.versions(districts) if districts else {}
        found = {
            one: kept[1]
            for one, version in versions.items()
            if (kept := self._kept.get((one, at.day))) is not None and kept[0] == version
        }
        missing = sorted(districts - found.keys())
        for first in range(0, len(missing), _PIECE):
            anew = await self._computed(missing[first : first + _PIECE], at, now=True)
            self._kept.update({(one, at.day): (versions[one], district) for one, district in anew.items()})
            found |= anew
        return found

    def _forget(self) -> None:
        if self._made_of != self._reference.size or len(self._kept) > _KEPT:
            self._kept.clear()
            self._bearing.clear()
            self._made_of = self._reference.size

    def _bearing_in(self, region: str) -> tuple[str, ...]:
        """Return the districts, the region itself or below it, in which any row may concern a village."""
        if region not in self._bearing:
            quotas = frozenset(self._reference.regions_of(QUOTAS))
            marked = {above for one in self._marked() for above in lineage_of(one)}
            self._bearing[region] = tuple(
                district
                for district in self._below(region)
                if district in marked or not quotas.isdisjoint(lineage_of(district))
            )
        return self._bearing[region]

    def _marked(self) -> Iterator[str]:
        """Yield the regions with a quota, and the villages with a roster or a decree."""
        yield from self._reference.regions_of(QUOTAS)
        yield from (one for one in self._reference.regions_of(DESIGNATIONS) if level_of(one) == "village")
        stated = (one for one in self._reference.regions_of(POTENTIALS) if level_of(one) == "village")
        yield from (one for one in stated if self._reference.rows(POTENTIALS, one, OFFICIALS))

    def _below(self, region: str) -> Iterator[str]:
        if level_of(region) in ("district", "village"):
            yield region if level_of(region) == "district" else parent_of(region) or region
            return
        for child in self._children(region):
            yield from self._below(child)

    async def _computed(self, districts: Collection[str], at: AsOf, *, now: bool) -> dict[str, District]:
        villages = [village for district in districts for village in self._children(district)]
        groups: dict[str, Groups] = {}
        if now and villages:
            figures = await self._store.figures(villages, None)
            groups = {village: found.tally.by("group") for village, found in figures.items()}
        elif villages:
            known_at = at.known_at or date.max
            lines = await self._store.timelines(villages, at.day, known_at)
            groups = {village: line.tally_on(at.day, known_at).by("group") for village, line in lines.items()}
        return {district: self._district(district, at, groups) for district in districts}

    def _district(self, district: str, at: AsOf, groups: Mapping[str, Groups]) -> District:
        quotas = dict(self._quotas(district, at, groups))
        boards = {group: quota.board(group, villages) for group, villages in quotas.items()}
        stated = ((one, self._designation_of(one, at, groups.get(one, {}))) for one in self._children(district))
        states = {
            one: found.state
            for one, found in stated
            if found.state is not None and (found.roster is not None or found.designated_on is not None)
        }
        return District(quotas, boards, states)

    def _quotas(self, region: str, at: AsOf, groups: Mapping[str, Groups]) -> Iterator[tuple[str, tuple[Village, ...]]]:
        """Yield by group the villages under a quota: a district's, or a village itself. `groups` are by village."""
        places = (*lineage_of(region), *self._children(region))
        for group in sorted({group for place in places for group in self._reference.all(QUOTAS, place, at)}):
            holding = quota.holding(self._reference, region, group, at, self._children)
            villages = tuple(quota.village(one, held, groups.get(one, {}).get(group, Count())) for one, held in holding)
            if villages:
                yield group, villages

    def _designation_of(self, village: str, at: AsOf, groups: Groups) -> Designation:
        """Return a village's state in Desa Sadar."""
        potential = self._reference.one(POTENTIALS, village, OFFICIALS, at)
        roster = None if potential is None else potential.value
        row = desa_sadar.designation(self._reference, village, at)
        active = groups.get(GROUP_OF[OFFICIALS], Count()).active
        state = desa_sadar.state(roster, active, designated=row is not None)
        return Designation(state, row.statement.valid_from if row else None, roster, active)


def place_on_board(village: Village) -> tuple[bool, int, str]:
    """Return the key by which villages are ordered."""
    return village.people > 0, -village.people_short, village.region
