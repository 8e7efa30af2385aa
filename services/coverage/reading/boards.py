"""Boards of villages: who meets the quota of a group and who is short, and what Desa Sadar has come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.coverage.reading.districts import District, Districts
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.potentials import Children
from services.coverage.reference.domain.quota import Village
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Designation, DesignationState, QuotaBoard
from shared.regions.codes import NATION, holds, level_of


@dataclass(frozen=True, slots=True)
class QuotaPage:
    """The sums over a region's villages, and the villages: at zero first, then who is most short, then by code."""

    total: QuotaBoard
    villages: list[Village]


@dataclass(frozen=True, slots=True)
class Board:
    """What the villages of a region come to: by group that has a quota there, and in Desa Sadar."""

    quota: tuple[QuotaBoard, ...]
    designation: Designation | None


class Boards:
    """Answers for a region what its villages come to together; `now` is with all that was counted, else as of a day."""

    def __init__(self, book: ReferenceIndex, children: Children, districts: Districts) -> None:
        self._book = book
        self._children = children
        self._districts = districts
        self._sizes: dict[str, int] = {}

    async def quota(self, region: str, group: str, at: AsOf, *, now: bool) -> QuotaPage:
        """Return the board of a group: every village, here and below, that a quota holds for."""
        districts = await self._districts.of([region], at, now=now)
        villages = [village for one in districts.values() for village in one.quotas.get(group, ())]
        held = sorted((village for village in villages if holds(region, village.region)), key=place_on_board)
        return QuotaPage(quota.board(group, held), held)

    async def of(self, days: Mapping[str, AsOf], *, now: bool) -> dict[str, Board]:
        """Return the boards of regions above the village as they stand in snapshots, each as of its day."""
        boards: dict[str, Board] = {}
        for at in set(days.values()):
            regions = [region for region, day in days.items() if day == at]
            districts = await self._districts.of(regions, at, now=now)
            boards |= {region: self._board(region, at, districts) for region in regions}
        return boards

    def _board(self, region: str, at: AsOf, districts: Mapping[str, District]) -> Board:
        ours = [districts[district] for district in self._districts.bearing(region)]
        groups = sorted({group for district in ours for group in district.boards})
        boards = (quota.merged(group, (one.boards[group] for one in ours if group in one.boards)) for group in groups)
        states = Counter(state for one in ours for state in one.states.values())
        return Board(tuple(boards), self._designation(region, at, states))

    def _designation(self, region: str, at: AsOf, states: Mapping[DesignationState, int]) -> Designation | None:
        """Return how many villages are in each state, where any roster or decree is known; of the nation the pace."""
        pace = desa_sadar.pace(self._book, at) if region == NATION else None
        if not states:
            return None if pace is None else Designation(pace=pace)
        villages = {state: states.get(state, 0) for state in desa_sadar.STATES}
        villages["none"] += self._size(region) - sum(states.values())
        return Designation(villages=villages, pace=pace)

    def _size(self, region: str) -> int:
        """Return the number of villages of a region; the list of regions is one for the life of the process."""
        if level_of(region) == "village":
            return 1
        if region not in self._sizes:
            self._sizes[region] = sum(map(self._size, self._children(region)))
        return self._sizes[region]


def place_on_board(village: Village) -> tuple[bool, int, str]:
    """Return what villages are ordered by."""
    return village.people > 0, -village.people_short, village.region
