"""Boards of villages: who meets the quota of a group and who is short, and what Desa Sadar has come to."""

from __future__ import annotations

from dataclasses import dataclass

from services.coverage.application.derive import GROUP_OF, OFFICIALS
from services.coverage.application.ports import GroupCounts
from services.coverage.domain import desa_sadar, quota
from services.coverage.domain.potentials import Children, Potentials
from services.coverage.domain.quota import Village
from services.coverage.domain.reference import AsOf, Book
from shared.contracts.snapshots import Count, Designation, DesignationState, QuotaBoard
from shared.regions.codes import NATION, level_of


@dataclass(frozen=True, slots=True)
class QuotaPage:
    """The sums over a region's villages, and the villages: at zero first, then who is most short, then by code."""

    total: QuotaBoard
    villages: list[Village]


class Boards:
    """Answers for a region what its villages come to together."""

    def __init__(self, book: Book, children: Children, counts: GroupCounts) -> None:
        self._book = book
        self._children = children
        self._counts = counts
        self._potentials = Potentials(book, children)

    async def quota(self, region: str, group: str, at: AsOf) -> QuotaPage:
        """Return the board of a group: every village, here and below, that a quota holds for."""
        quotas = dict(quota.holding(self._book, region, group, at, self._children))
        counts = await self._counts.of_group(group, quotas.keys(), at)
        villages = [quota.village(code, held, counts.get(code, Count())) for code, held in quotas.items()]
        villages.sort(key=lambda village: (village.people > 0, -village.people_short, village.region))
        return QuotaPage(quota.board(group, villages), villages)

    async def desa_sadar(self, region: str, at: AsOf) -> Designation:
        """Return how many villages, here and below, are in each state; of the nation also the year's pace."""
        villages = self._villages(region)
        counts = await self._counts.of_group(GROUP_OF[OFFICIALS], villages, at)
        states = [self._state(village, at, counts.get(village, Count())) for village in villages]
        pace = desa_sadar.pace(self._book, at) if region == NATION else None
        return Designation(villages={state: states.count(state) for state in desa_sadar.STATES}, pace=pace)

    def _villages(self, region: str) -> list[str]:
        if level_of(region) == "village":
            return [region]
        return [village for child in self._children(region) for village in self._villages(child)]

    def _state(self, village: str, at: AsOf, officials: Count) -> DesignationState:
        roster = self._potentials.of(village, OFFICIALS, at)
        designated = desa_sadar.designation(self._book, village, at) is not None
        return desa_sadar.state(roster.value if roster else None, officials.active, designated=designated)
