"""Notices, each second, what this replica did not do itself: others' flushes, new reference data, new partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from services.coverage.counting.ports import Checkpoint, Metrics, Reader, Store
from services.coverage.counting.progress import Progress
from services.coverage.publishing.publisher import Publisher
from services.coverage.reference.domain.reference import ReferenceIndex
from services.coverage.reference.ports import ReferenceStore
from shared.regions.codes import NATION, lineage_of
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

_EVERY_S: Final = 1.0
"""How late a nation or province may show what another replica counted."""


class Watch:
    """Keeps the book of reference data current and has published what changed elsewhere."""

    def __init__(
        self,
        store: Store,
        reference: ReferenceStore,
        book: ReferenceIndex,
        progress: Progress,
        reader: Reader,
        publisher: Publisher,
        metrics: Metrics,
        provinces: Iterable[str],
    ) -> None:
        self._store = store
        self._reference = reference
        self._book = book
        self._progress = progress
        self._reader = reader
        self._publisher = publisher
        self._metrics = metrics
        self._summed = (NATION, *provinces)
        self._revision = 0
        self._checkpoints: Mapping[int, Checkpoint] = {}
        self._assigned: set[int] = set()

    def assigned(self, partitions: Collection[int]) -> None:
        """Note that this replica is given these partitions; their regions are published anew."""
        self._assigned.update(partitions)

    async def run(self) -> None:
        """Look round each second until cancelled."""
        while True:
            try:
                await self.look()
            except (TransientError, PermanentError) as error:
                _log.warning("could not look round", error=str(error))
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Take in all that changed elsewhere since the last look."""
        await self._look_at_checkpoints()
        await self.look_at_reference()
        await self._publish_assigned()
        self._publisher.touch_caught_up(self._progress.catching_up)
        self._publisher.touch_overdue()
        self._metrics.keep(self._publisher.owns)

    async def _look_at_checkpoints(self) -> None:
        caught_up = self._progress.caught_up(self._reader.level)
        if caught_up:
            await self._store.mark_caught_up(caught_up)
            for partition in caught_up:
                self._progress.note(partition, behind=False)
        checkpoints = await self._store.checkpoints()
        self._progress.look(checkpoints, self._reader.partitions | self._assigned)
        if _generation(checkpoints) != _generation(self._checkpoints or checkpoints):
            # All figures are of another build now: what they rest on may have been mended.
            self._assigned |= self._reader.partitions
        for partition in self._reader.stopped & self._checkpoints.keys():
            if checkpoints[partition].resumed > self._checkpoints[partition].resumed:
                await self._reader.resume(partition)
        if checkpoints != self._checkpoints:
            await self._publish_summed()
        self._checkpoints = checkpoints

    async def _publish_summed(self) -> None:
        """Have nation and provinces published whose position has grown, whoever counted."""
        owned = [region for region in self._summed if self._publisher.owns(region)]
        versions = await self._store.versions(owned)
        self._publisher.touch_newer({region: version.position for region, version in versions.items()})

    async def look_at_reference(self) -> None:
        """Read the rows recorded since the last look; their regions are published anew, and those above, whose sums
        may have changed.
        """
        self._revision, rows = await self._reference.since(self._revision)
        for row in rows:
            self._book.add(row)
        self._publisher.touch({region for row in rows for region in lineage_of(row.statement.region)})

    async def _publish_assigned(self) -> None:
        """Publish all regions of partitions that came to this replica, once the reader has taken them up."""
        for partition in self._assigned & self._reader.partitions:
            counted = await self._store.regions_of(partition)
            self._publisher.touch(self._summed)
            self._publisher.touch_again([*counted, *self._book.regions])
            self._assigned.discard(partition)


def _generation(checkpoints: Mapping[int, Checkpoint]) -> set[int]:
    return {checkpoint.generation for checkpoint in checkpoints.values()}
