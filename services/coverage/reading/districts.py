"""What the villages of a district come to, remembered until one of them is counted anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.coverage.counting.ports import GroupCounts, Version
from services.coverage.reading.derived import GROUP_OF, OFFICIALS
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS, Children
from services.coverage.reference.domain.quota import QUOTAS, Village
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Count, DesignationState, QuotaBoard
from shared.regions.codes import level_of, lineage_of, parent_of

_KEPT: Final = 20_000
"""Every district on two days: days change at three hours."""

_PIECE: Final = 50
"""Districts worked out at once: some 30 ms, in which nothing else is done."""

Groups = Mapping[str, Count]


@dataclass(frozen=True, slots=True)
class District:
    """The villages, by group, that a quota holds for, and the state of those that have a roster or a decree."""

    quotas: Mapping[str, tuple[Village, ...]]
    boards: Mapping[str, QuotaBoard]
    states: Mapping[str, DesignationState]


class Districts:
    """Works out districts; of now, again only those that were counted in since, or when day or book are others."""

    def __init__(self, book: ReferenceIndex, children: Children, counts: GroupCounts) -> None:
        self._book = book
        self._children = children
        self._counts = counts
        self._kept: dict[tuple[str, date], tuple[Version, District]] = {}
        self._bearing: dict[str, tuple[str, ...]] = {}
        self._book_size = -1

    async def of(self, regions: Iterable[str], at: AsOf, *, now: bool) -> dict[str, District]:
        """Return the districts of these regions in which a quota, roster or decree may bear on a village.

        Counts are those of the day, all of one moment; or, if `now`, all there are, of one moment by district.
        """
        self._forget()
        districts = {district for region in regions for district in self.bearing(region)}
        if not now:
            return await self._worked_out(districts, at, at)
        # Read before the counts, so that what is counted in between is found wanting next time.
        versions = await self._counts.versions(districts) if districts else {}
        found = {
            one: kept[1]
            for one, version in versions.items()
            if (kept := self._kept.get((one, at.day))) is not None and kept[0] == version
        }
        for some in _pieces(sorted(districts - found.keys())):
            anew = await self._worked_out(some, at, None)
            self._kept.update({(one, at.day): (versions[one], district) for one, district in anew.items()})
            found |= anew
        return found

    def _forget(self) -> None:
        if self._book_size != self._book.size or len(self._kept) > _KEPT:
            self._kept.clear()
            self._bearing.clear()
            self._book_size = self._book.size

    def bearing(self, region: str) -> tuple[str, ...]:
        """Return the districts, the region itself or below it, whose villages any row may bear upon."""
        if region not in self._bearing:
            quotas = frozenset(self._book.regions_of(QUOTAS))
            marked = {above for one in self._marked() for above in lineage_of(one)}
            self._bearing[region] = tuple(
                district
                for district in self._below(region)
                if district in marked or not quotas.isdisjoint(lineage_of(district))
            )
        return self._bearing[region]

    def _marked(self) -> Iterator[str]:
        """Yield the places that a quota is set on, and the villages with a roster or a decree."""
        yield from self._book.regions_of(QUOTAS)
        yield from (one for one in self._book.regions_of(DESIGNATIONS) if level_of(one) == "village")
        stated = (one for one in self._book.regions_of(POTENTIALS) if level_of(one) == "village")
        yield from (one for one in stated if self._book.rows(POTENTIALS, one, OFFICIALS))

    def _below(self, region: str) -> Iterator[str]:
        if level_of(region) in ("district", "village"):
            yield region if level_of(region) == "district" else parent_of(region) or region
            return
        for child in self._children(region):
            yield from self._below(child)

    async def _worked_out(self, districts: Collection[str], at: AsOf, counted: AsOf | None) -> dict[str, District]:
        villages = {district: self._children(district) for district in districts}
        every = [village for some in villages.values() for village in some]
        groups = await self._counts.of_groups(every, counted) if every else {}
        return {one: self._district(one, some, at, groups) for one, some in villages.items()}

    def _district(self, district: str, villages: Iterable[str], at: AsOf, counts: Mapping[str, Groups]) -> District:
        quotas = dict(self._quotas(district, at, counts))
        boards = {group: quota.board(group, held) for group, held in quotas.items()}
        return District(quotas, boards, dict(self._states(villages, at, counts)))

    def _quotas(
        self, district: str, at: AsOf, counts: Mapping[str, Groups]
    ) -> Iterator[tuple[str, tuple[Village, ...]]]:
        """Yield by group the villages that a quota holds for."""
        places = (*lineage_of(district), *self._children(district))
        for group in sorted({group for place in places for group in self._book.all(QUOTAS, place, at)}):
            holding = quota.holding(self._book, district, group, at, self._children)
            villages = tuple(
                quota.village(code, held, counts.get(code, {}).get(group, Count())) for code, held in holding
            )
            if villages:
                yield group, villages

    def _states(
        self, villages: Iterable[str], at: AsOf, counts: Mapping[str, Groups]
    ) -> Iterator[tuple[str, DesignationState]]:
        """Yield the state of each village that has a roster or is designated; of all others it is `none`."""
        for village in villages:
            roster = self._book.one(POTENTIALS, village, OFFICIALS, at)
            designated = desa_sadar.designation(self._book, village, at) is not None
            if roster is not None or designated:
                officials = counts.get(village, {}).get(GROUP_OF[OFFICIALS], Count())
                yield (
                    village,
                    desa_sadar.state(roster.value if roster else None, officials.active, designated=designated),
                )


def _pieces(districts: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(districts), _PIECE):
        yield districts[first : first + _PIECE]
