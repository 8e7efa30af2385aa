"""People by group, read from what was counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from services.coverage.counting.ports import Store, Version
from services.coverage.reading.as_of import Past
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count


class StoredGroups:
    """The counts by group of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._past = Past(store)

    async def of_groups(self, regions: Collection[str], at: AsOf | None) -> Mapping[str, Mapping[str, Count]]:
        """See the port."""
        if at is None:
            figures = await self._store.figures(regions, None)
            return {region: found.tally.by("group") for region, found in figures.items()}
        tallies = await self._past.as_of(regions, at.day, at.known_at or date.max)
        return {region: tally.by("group") for region, tally in tallies.items()}

    async def versions(self, regions: Collection[str]) -> Mapping[str, Version]:
        """See the port."""
        return await self._store.versions(regions)
