"""Boards of villages: which meet the quota of a group, which are short of it, and their states in Desa Sadar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.coverage.reading.derived import Board
from services.coverage.reading.districts import District, Districts
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.quota import Village
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Designation, DesignationState, QuotaBoard, Snapshot
from shared.regions.codes import NATION, holds, level_of


@dataclass(frozen=True, slots=True)
class QuotaPage:
    """A region's board of a group, and its villages: those at zero first, then the most short, then by code."""

    total: QuotaBoard
    villages: list[Village]


class Boards:
    """Sums up the villages of a region. `now` takes all counts there are, otherwise they are as of a day."""

    def __init__(self, districts: Districts) -> None:
        self._districts = districts
        self._sizes: dict[str, int] = {}

    async def quota(self, region: str, group: str, at: AsOf, *, now: bool) -> QuotaPage:
        """Return the board of a group with every village, here and below, that has a quota."""
        districts = await self._districts.of([region], at, now=now)
        villages = [village for one in districts.values() for village in one.quotas.get(group, ())]
        held = sorted((village for village in villages if holds(region, village.region)), key=place_on_board)
        return QuotaPage(quota.board(group, held), held)

    async def of(self, counted: Mapping[str, Snapshot], days: Mapping[str, AsOf], *, now: bool) -> dict[str, Board]:
        """Return the board of each counted region, as of its day; a village's follows from its own counts."""
        boards: dict[str, Board] = {}
        for at in set(days.values()):
            regions = [region for region in counted if days[region] == at]
            above = [region for region in regions if level_of(region) != "village"]
            districts = await self._districts.of(above, at, now=now) if above else {}
            for region in regions:
                is_village = level_of(region) == "village"
                boards[region] = (
                    self._of_village(counted[region], at) if is_village else self._above(region, at, districts)
                )
        return boards

    def _of_village(self, village: Snapshot, at: AsOf) -> Board:
        quotas = self._districts.quotas(village.region, at, {village.region: village.by_group})
        boards = tuple(quota.board(group, villages) for group, villages in quotas)
        return Board(boards, self._districts.designation(village.region, at, village.by_group))

    def _above(self, region: str, at: AsOf, districts: Mapping[str, District]) -> Board:
        ours = [districts[district] for district in self._districts.bearing(region)]
        groups = sorted({group for district in ours for group in district.boards})
        boards = (quota.merged(group, (one.boards[group] for one in ours if group in one.boards)) for group in groups)
        states = Counter(state for one in ours for state in one.states.values())
        return Board(tuple(boards), self._designation(region, at, states))

    def _designation(self, region: str, at: AsOf, states: Mapping[DesignationState, int]) -> Designation | None:
        """Return the number of villages by state if any roster or decree is known, and the nation's pace."""
        pace = desa_sadar.pace(self._districts.reference, at) if region == NATION else None
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
            self._sizes[region] = sum(map(self._size, self._districts.children(region)))
        return self._sizes[region]


def place_on_board(village: Village) -> tuple[bool, int, str]:
    """Return the key by which villages are ordered."""
    return village.people > 0, -village.people_short, village.region
