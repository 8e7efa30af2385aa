"""Verifies releases: each document is what its figures say, and the figures are what was known when it was made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

from services.coverage.public.domain.hiding import Counted
from services.coverage.public.figures import Figures
from services.coverage.public.making import Parts, ProgressBar, ReleaseMaker, Remaking, decoded, reference_at
from services.coverage.public.ports import Encoded, Release
from shared.regions.codes import NATION
from shared.runtime.errors import PermanentError


class ReleaseDiffersError(PermanentError):
    """A release is not what its month and its day of making say."""


class ReleaseVerifier:
    """Makes each release again from its figures, and reads its figures again as they were known on its day."""

    def __init__(self, parts: Parts, progress: ProgressBar) -> None:
        self._parts = parts
        self._progress = progress
        self._maker = ReleaseMaker(parts, progress)

    async def verify(self, release: Release) -> int:
        """Compare a release; return how many regencies had changes recorded on its day, whose figures cannot be told
        apart by the hour. Raises: ReleaseDiffersError, naming the region.
        """
        before = await self._maker.before(release)
        remaking = await Remaking.of(release, self._parts)
        hidden = await asyncio.to_thread(remaking.hidden_regions, before)
        await self._compare_documents(release, remaking.documents_above(hidden))
        regencies = [one for province in self._parts.children(NATION) for one in self._parts.children(province)]
        self._progress.begin(f"release of {release.month}", len(regencies))
        undecided = 0
        for regency in regencies:
            kept = decoded(await self._parts.releases.figures(release.month, regency))
            documents = await asyncio.to_thread(remaking.documents, regency, kept, hidden)
            await self._compare_documents(release, documents)
            undecided += not await self._compare_figures(release, regency, kept)
            self._progress.advance(1)
        return undecided

    async def _compare_documents(self, release: Release, expected: Sequence[Encoded]) -> None:
        for one in expected:
            if await self._parts.releases.region(release.month, one.region) != one.body:
                raise ReleaseDiffersError(f"the release of {release.month} is not what it was made as in {one.region}")

    async def _compare_figures(self, release: Release, regency: str, kept: list[Counted]) -> bool:
        """Compare the figures with what was known at the end of the day; say whether that decides it."""
        if kept == await self._read(release, regency, release.made_on):
            return True
        day_before = await self._read(release, regency, release.made_on - timedelta(days=1))
        if day_before == await self._read(release, regency, release.made_on):
            raise ReleaseDiffersError(
                f"the release of {release.month} has other figures of {regency} than were known on {release.made_on}"
            )
        return False

    async def _read(self, release: Release, regency: str, known_at: date) -> list[Counted]:
        reference = await reference_at(self._parts.reference, release.made_at)
        figures = Figures(self._parts.store, reference, self._parts.children)
        async with figures.of(release.month, known_at) as reading:
            return await reading.regency(regency)
