"""A hand-written stand-in for the store of releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.coverage.public.domain.release import Month
from services.coverage.public.ports import Encoded, Release
from shared.adapters.mongo import DuplicateError
from shared.regions.codes import level_of


class MemoryReleases:
    """Keeps releases in dictionaries."""

    def __init__(self) -> None:
        self._made: dict[Month, Release] = {}
        self._begun: dict[Month, datetime] = {}
        self._figures: dict[tuple[Month, str], bytes] = {}
        self._regions: dict[tuple[Month, str], Encoded] = {}

    async def all(self) -> list[Release]:
        return [self._made[month] for month in sorted(self._made, reverse=True)]

    async def region(self, month: Month, region: str) -> bytes | None:
        found = self._regions.get((month, region))
        return None if found is None else found.body

    async def children(self, month: Month, parent: str) -> list[bytes]:
        return [one.body for (of, _), one in sorted(self._regions.items()) if of == month and one.parent == parent]

    async def begun(self, month: Month) -> datetime | None:
        return self._begun.get(month)

    async def begin(self, month: Month, made_at: datetime | None) -> None:
        if made_at is not None:
            self._begun[month] = made_at
            return
        self._begun.pop(month, None)
        self._figures = {key: kept for key, kept in self._figures.items() if key[0] != month}
        self._regions = {key: kept for key, kept in self._regions.items() if key[0] != month}

    async def keep_figures(self, month: Month, family: str, figures: bytes) -> None:
        self._figures[month, family] = figures

    async def figures(self, month: Month, family: str) -> bytes:
        return self._figures[month, family]

    async def write(self, month: Month, regions: Sequence[Encoded]) -> None:
        self._regions |= {(month, one.region): one for one in regions}

    async def written(self, month: Month) -> frozenset[str]:
        return frozenset(region for of, region in self._regions if of == month and level_of(region) == "regency")

    async def publish(self, release: Release) -> None:
        if release.month in self._made:
            raise DuplicateError(f"{release.month} has a release")
        self._made[release.month] = release
