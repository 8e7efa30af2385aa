"""Quotas and Desa Sadar of villages: each district's are kept until it is counted anew, and summed up for all above."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from services.coverage.counting.domain.counters import members as members_of
from services.coverage.counting.domain.region_counts import Period, Version
from services.coverage.counting.ports import Store
from services.coverage.reading.derived import GROUP_OF, OFFICIALS, Board
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS, Children
from services.coverage.reference.domain.quota import QUOTAS, Village
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Count, Designation, DesignationState, QuotaBoard, Snapshot
from shared.regions.codes import NATION, holds, level_of, lineage_of, parent_of, regency_of
from shared.runtime.tasks import Turn, emptied, in_turns

_KEPT: Final = 20_000
"""Districts: the whole country as of now and on two other days. As many boards."""

_PIECE: Final = 50
"""Districts read at once, then all others of the last one's regency: pages of the past are by regency."""

_KINDS: Final = (QUOTAS, DESIGNATIONS, POTENTIALS)
"""What the board of a village depends on besides its counts."""

Members = Callable[[str, str], Count]
"""Gives registered and active people of a village and a group."""


@dataclass(frozen=True, slots=True)
class District:
    """By group the villages under a quota and their board; the state of each village with a roster or a decree."""

    quotas: Mapping[str, tuple[Village, ...]]
    boards: Mapping[str, QuotaBoard]
    states: Mapping[str, DesignationState]


class _Marks(NamedTuple):
    """Regions with a quota; and all regions above these, or above a village with a roster or a decree, with them."""

    quotas: frozenset[str]
    above: frozenset[str]


Kept = dict[str, tuple[Version, District]]
"""Districts with the version that they were worked out from."""


@dataclass(slots=True)
class _Derived:
    """What follows from the reference data of one moment: districts by day, and which districts bear on a region.

    For `now` the day is the last one from which any row that villages depend on holds: their counts know no day.
    """

    now: dict[date, Kept] = field(default_factory=dict)
    past: dict[AsOf, Kept] = field(default_factory=dict)
    boards: dict[tuple[str, AsOf, bool], tuple[Version, Board]] = field(default_factory=dict)
    bearing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    marks: _Marks | None = None

    async def districts(self, day: date, at: AsOf, *, now: bool) -> Kept:
        """Return those kept as of now, or as of the day; not too many of other days are kept beside them."""
        if sum(map(len, (*self.now.values(), *self.past.values()))) > _KEPT:
            await self._emptied()
        return self.now.setdefault(day, {}) if now else self.past.setdefault(at, {})

    async def cleared(self) -> None:
        """Forget all. Whoever still works with it finds nothing kept, and works it out anew."""
        await self._emptied()
        await emptied(self.boards)

    async def _emptied(self) -> None:
        outdated = [*self.now.values(), *self.past.values()]
        self.now, self.past = {}, {}
        await emptied(*outdated)


@dataclass(frozen=True, slots=True)
class QuotaPage:
    """A region's board of a group, and its villages: those at zero first, then the most short, then by code."""

    total: QuotaBoard
    villages: list[Village]


class Boards:
    """Sums up the villages of a region. `now` takes all counts there are, otherwise they are as of a day.

    Districts and boards are kept. They are recomputed after new counts, on a day from which new rows hold, and after
    new reference data. Counts of a district are of one point in time.
    """

    def __init__(self, reference: ReferenceIndex, children: Children, store: Store) -> None:
        self._reference = reference
        self._children = children
        self._store = store
        self._derived = _Derived()
        self._large = asyncio.Lock()
        self._sizes: dict[str, int] = {}
        self._made_of = -1

    async def quota(
        self, region: str, group: str, at: AsOf, *, now: bool, after: tuple[bool, int, str] | None = None
    ) -> QuotaPage:
        """Return the board of a group, and every village, here and below, that has a quota and stands after a place."""
        districts = await self._districts([region], at, now=now)

        def page() -> QuotaPage:
            villages = [village for one in districts.values() for village in one.quotas.get(group, ())]
            held = sorted((village for village in villages if holds(region, village.region)), key=place_on_board)
            following = held if after is None else [one for one in held if place_on_board(one) > after]
            return QuotaPage(quota.board(group, held), following)

        # A thread sums and sorts: the nation has over 80,000 villages, and the loop serves others meanwhile.
        return await asyncio.to_thread(page)

    async def states(self, region: str, at: AsOf, *, now: bool) -> dict[str, DesignationState]:
        """Return the state of each village, here and below, with a roster or a decree."""
        districts = await self._districts([region], at, now=now)

        def held() -> dict[str, DesignationState]:
            states = {village: state for one in districts.values() for village, state in one.states.items()}
            return {village: state for village, state in sorted(states.items()) if holds(region, village)}

        return await asyncio.to_thread(held)

    async def of(self, counted: Mapping[str, Snapshot], days: Mapping[str, AsOf], *, now: bool) -> dict[str, Board]:
        """Return the board of each counted region, as of its day; a village's follows from its own counts."""
        boards, turn = dict[str, Board](), Turn()
        for at in set(days.values()):
            regions = [region for region in counted if days[region] == at]
            above = [region for region in regions if level_of(region) != "village"]
            boards |= await self._boards_above(above, at, now=now)
            for region in regions:
                if region not in boards:
                    boards[region] = self._of_village(counted[region], at)
                await turn.give_way()
        return boards

    async def _boards_above(self, regions: Sequence[str], at: AsOf, *, now: bool) -> dict[str, Board]:
        """Return the boards of regions above the village; those whose version is still the same are not made anew."""
        derived = await self._current()
        bearing = await self._bearing_in(regions, derived)
        # Read before the counts, so that the next call notices what is counted in between.
        versions = await self._store.versions([region for region in regions if bearing[region]])
        boards = {
            region: kept[1]
            for region, version in versions.items()
            if (kept := derived.boards.get((region, at, now))) is not None and kept[0] == version
        }
        bearing = {region: below for region, below in bearing.items() if region not in boards}
        districts = await self._kept(bearing, derived, at, now=now)
        if len(derived.boards) > _KEPT:
            await emptied(derived.boards)
        async for region, below in in_turns(bearing.items()):
            boards[region] = self._above(region, at, [districts[one] for one in below])
            if region in versions:
                derived.boards[region, at, now] = versions[region], boards[region]
        return boards

    def _of_village(self, village: Snapshot, at: AsOf) -> Board:
        def members(_village: str, group: str) -> Count:
            return village.by_group.get(group, Count())

        quotas = self._quotas(village.region, at, members)
        boards = tuple(quota.board(group, villages) for group, villages in quotas)
        return Board(boards, self._designation_of(village.region, at, members))

    def _above(self, region: str, at: AsOf, ours: Sequence[District]) -> Board:
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
        below = self._children(region)
        if level_of(region) == "district":
            return len(below)
        if region not in self._sizes:
            self._sizes[region] = sum(map(self._size, below))
        return self._sizes[region]

    async def _districts(self, regions: Iterable[str], at: AsOf, *, now: bool) -> dict[str, District]:
        """Return the districts of these regions in which a quota, roster or decree may concern a village."""
        derived = await self._current()
        return await self._kept(await self._bearing_in(regions, derived), derived, at, now=now)

    async def _kept(
        self, bearing: Mapping[str, Collection[str]], derived: _Derived, at: AsOf, *, now: bool
    ) -> dict[str, District]:
        """Return the districts that bear on any region, each as it is kept or worked out anew."""
        wanted = {district for region in bearing.values() for district in region}
        kept = await derived.districts(self._reference.begun(_KINDS, at.day), at, now=now)
        found, missing = await self._still_true(kept, wanted)
        if len(missing) <= _PIECE:
            return found | await self._anew(kept, missing, at, now=now)
        async with self._large:
            # Another reader may have worked them out meanwhile.
            found, missing = await self._still_true(kept, wanted)
            return found | await self._anew(kept, missing, at, now=now)

    async def _still_true(self, kept: Kept, wanted: Collection[str]) -> tuple[dict[str, District], dict[str, Version]]:
        """Return the districts in which nothing was counted since, and the versions of all others."""
        # Read before the counts, so that the next call notices what is counted in between.
        versions = await self._store.versions(wanted) if wanted else {}
        found, missing = dict[str, District](), dict[str, Version]()
        async for one, version in in_turns(versions.items()):
            if one in kept and kept[one][0] == version:
                found[one] = kept[one][1]
            else:
                missing[one] = version
        return found, missing

    async def _anew(self, kept: Kept, versions: Mapping[str, Version], at: AsOf, *, now: bool) -> dict[str, District]:
        """Work these districts out, piece by piece, and keep them with their versions."""
        found = dict[str, District]()
        for piece in _pieces(sorted(versions)):
            anew = await self._computed(piece, at, now=now)
            kept.update({one: (versions[one], district) for one, district in anew.items()})
            found |= anew
        return found

    async def _current(self) -> _Derived:
        """Return what is kept; nothing yet after new reference data. Work that began before writes into the old one."""
        if self._made_of != self._reference.size:
            outdated, self._derived, self._made_of = self._derived, _Derived(), self._reference.size
            await outdated.cleared()
        return self._derived

    async def _bearing_in(self, regions: Iterable[str], derived: _Derived) -> dict[str, tuple[str, ...]]:
        """Return for each region the districts, itself or below it, in which any row may concern a village."""
        turn = Turn()
        for region in [region for region in regions if region not in derived.bearing]:
            marks = derived.marks = derived.marks or await self._marks()
            found: list[str] = []
            for district in self._below(region):
                if district in marks.above or not marks.quotas.isdisjoint(lineage_of(district)):
                    found.append(district)
                await turn.give_way()
            derived.bearing[region] = tuple(found)
        return {region: derived.bearing[region] for region in regions}

    async def _marks(self) -> _Marks:
        quotas, above = frozenset(self._reference.regions_of(QUOTAS)), set[str]()
        designated, stated = (list(self._reference.regions_of(kind)) for kind in (DESIGNATIONS, POTENTIALS))
        async for region in in_turns([*quotas, *designated, *stated]):
            if region in quotas or (level_of(region) == "village" and self._has_row(region)):
                above.update(lineage_of(region))
        return _Marks(quotas, frozenset(above))

    def _has_row(self, village: str) -> bool:
        """Say whether the village has a roster or a decree."""
        return bool(
            self._reference.rows(POTENTIALS, village, OFFICIALS)
            or self._reference.rows(DESIGNATIONS, village, desa_sadar.DESIGNATED)
        )

    def _below(self, region: str) -> Iterator[str]:
        if level_of(region) in ("district", "village"):
            yield region if level_of(region) == "district" else parent_of(region) or region
            return
        for child in self._children(region):
            yield from self._below(child)

    async def _computed(self, districts: Collection[str], at: AsOf, *, now: bool) -> dict[str, District]:
        period = None if now else Period(at.day, at.day, at.known_at or date.max)
        people = await self._store.people(districts, period)
        return {
            district: self._district(district, at, lambda village, group: members_of(people.get(village, {}), group))
            async for district in in_turns(districts)
        }

    def _district(self, district: str, at: AsOf, members: Members) -> District:
        quotas = dict(self._quotas(district, at, members))
        boards = {group: quota.board(group, villages) for group, villages in quotas.items()}
        stated = (
            (one, self._designation_of(one, at, members)) for one in self._children(district) if self._has_row(one)
        )
        states = {
            one: found.state
            for one, found in stated
            if found.state is not None and (found.roster is not None or found.designated_on is not None)
        }
        return District(quotas, boards, states)

    def _quotas(self, region: str, at: AsOf, members: Members) -> Iterator[tuple[str, tuple[Village, ...]]]:
        """Yield by group the villages under a quota: a district's, or a village itself."""
        with_rows = self._reference.regions_of(QUOTAS)
        places = [place for place in (*lineage_of(region), *self._children(region)) if place in with_rows]
        for group in sorted({group for place in places for group in self._reference.all(QUOTAS, place, at)}):
            holding = quota.holding(self._reference, region, group, at, self._children)
            villages = tuple(quota.village(one, held, members(one, group)) for one, held in holding)
            if villages:
                yield group, villages

    def _designation_of(self, village: str, at: AsOf, members: Members) -> Designation:
        """Return a village's state in Desa Sadar."""
        potential = self._reference.one(POTENTIALS, village, OFFICIALS, at)
        roster = None if potential is None else potential.value
        row = desa_sadar.designation(self._reference, village, at)
        active = members(village, GROUP_OF[OFFICIALS]).active
        state = desa_sadar.state(roster, active, designated=row is not None)
        return Designation(state, row.statement.valid_from if row else None, roster, active)


def place_on_board(village: Village) -> tuple[bool, int, str]:
    """Return the key by which villages are ordered."""
    return village.people > 0, -village.people_short, village.region


def _pieces(districts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the sorted districts in pieces; all those of one regency are in the same piece."""
    piece = list[str]()
    for _, of_regency in groupby(districts, regency_of):
        piece += of_regency
        if len(piece) >= _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
