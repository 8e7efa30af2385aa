"""Quotas and Desa Sadar of a district's villages, kept until one of the villages is counted anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.coverage.counting.domain.region_counts import Version
from services.coverage.counting.ports import Store
from services.coverage.reading.derived import GROUP_OF, OFFICIALS
from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS, Children
from services.coverage.reference.domain.quota import QUOTAS, Village
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Count, Designation, DesignationState, QuotaBoard
from shared.regions.codes import level_of, lineage_of, parent_of

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


class Districts:
    """Computes districts. Present ones are kept, and recomputed after new counts, a new day or new reference data."""

    def __init__(self, reference: ReferenceIndex, children: Children, store: Store) -> None:
        self.reference = reference
        self.children = children
        self._store = store
        self._kept: dict[tuple[str, date], tuple[Version, District]] = {}
        self._bearing: dict[str, tuple[str, ...]] = {}
        self._made_of = -1

    async def of(self, regions: Iterable[str], at: AsOf, *, now: bool) -> dict[str, District]:
        """Return the districts of these regions in which a quota, roster or decree may concern a village.

        Counts are as of the day, all at one point in time. If `now`, they are all counts there are, and each
        district's are of one point in time.
        """
        self._forget()
        districts = {district for region in regions for district in self.bearing(region)}
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
        if self._made_of != self.reference.size or len(self._kept) > _KEPT:
            self._kept.clear()
            self._bearing.clear()
            self._made_of = self.reference.size

    def bearing(self, region: str) -> tuple[str, ...]:
        """Return the districts, the region itself or below it, in which any row may concern a village."""
        if region not in self._bearing:
            quotas = frozenset(self.reference.regions_of(QUOTAS))
            marked = {above for one in self._marked() for above in lineage_of(one)}
            self._bearing[region] = tuple(
                district
                for district in self._below(region)
                if district in marked or not quotas.isdisjoint(lineage_of(district))
            )
        return self._bearing[region]

    def _marked(self) -> Iterator[str]:
        """Yield the regions with a quota, and the villages with a roster or a decree."""
        yield from self.reference.regions_of(QUOTAS)
        yield from (one for one in self.reference.regions_of(DESIGNATIONS) if level_of(one) == "village")
        stated = (one for one in self.reference.regions_of(POTENTIALS) if level_of(one) == "village")
        yield from (one for one in stated if self.reference.rows(POTENTIALS, one, OFFICIALS))

    def _below(self, region: str) -> Iterator[str]:
        if level_of(region) in ("district", "village"):
            yield region if level_of(region) == "district" else parent_of(region) or region
            return
        for child in self.children(region):
            yield from self._below(child)

    async def _computed(self, districts: Collection[str], at: AsOf, *, now: bool) -> dict[str, District]:
        villages = [village for district in districts for village in self.children(district)]
        groups = await self._groups(villages, None if now else at) if villages else {}
        return {district: self._district(district, at, groups) for district in districts}

    async def _groups(self, villages: Collection[str], at: AsOf | None) -> dict[str, Groups]:
        if at is None:
            counts = await self._store.figures(villages, None)
            return {village: found.tally.by("group") for village, found in counts.items()}
        known_at = at.known_at or date.max
        lines = await self._store.timelines(villages, at.day, known_at)
        return {village: line.tally_on(at.day, known_at).by("group") for village, line in lines.items()}

    def _district(self, district: str, at: AsOf, groups: Mapping[str, Groups]) -> District:
        quotas = dict(self.quotas(district, at, groups))
        boards = {group: quota.board(group, villages) for group, villages in quotas.items()}
        stated = ((one, self.designation(one, at, groups.get(one, {}))) for one in self.children(district))
        states = {
            one: found.state
            for one, found in stated
            if found.state is not None and (found.roster is not None or found.designated_on is not None)
        }
        return District(quotas, boards, states)

    def quotas(self, region: str, at: AsOf, groups: Mapping[str, Groups]) -> Iterator[tuple[str, tuple[Village, ...]]]:
        """Yield by group the villages under a quota: a district's, or a village itself. `groups` are by village."""
        places = (*lineage_of(region), *self.children(region))
        for group in sorted({group for place in places for group in self.reference.all(QUOTAS, place, at)}):
            holding = quota.holding(self.reference, region, group, at, self.children)
            villages = tuple(quota.village(one, held, groups.get(one, {}).get(group, Count())) for one, held in holding)
            if villages:
                yield group, villages

    def designation(self, village: str, at: AsOf, groups: Groups) -> Designation:
        """Return a village's state in Desa Sadar."""
        potential = self.reference.one(POTENTIALS, village, OFFICIALS, at)
        roster = None if potential is None else potential.value
        row = desa_sadar.designation(self.reference, village, at)
        active = groups.get(GROUP_OF[OFFICIALS], Count()).active
        state = desa_sadar.state(roster, active, designated=row is not None)
        return Designation(state, row.statement.valid_from if row else None, roster, active)
