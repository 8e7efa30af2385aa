"""Notices each second what this replica did not do itself: other replicas' flushes, reference data, new partitions."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from itertools import chain
from typing import Final

from services.coverage.counting.catching_up import CatchingUp
from services.coverage.counting.ports import Checkpoint, Store
from services.coverage.publishing.publisher import Publisher
from services.coverage.reference.domain.reference import ReferenceIndex
from services.coverage.reference.ports import ReferenceStore
from shared.adapters.kafka_partitions import OwnedPartitions
from shared.regions.codes import NATION, lineage_of
from shared.runtime.tasks import in_turns, repeat

_EVERY: Final = timedelta(seconds=1)
"""How late a nation or province may show what another replica counted."""
_MANY_ROWS: Final = 5_000


class Poller:
    """Keeps the index of reference data current, and has the regions published that changed elsewhere."""

    def __init__(
        self, store: Store, reference_store: ReferenceStore, reference: ReferenceIndex, catching_up: CatchingUp,
        owned: OwnedPartitions, publisher: Publisher, resume: Callable[[int], Awaitable[None]],
        provinces: Iterable[str],
    ) -> None:  # fmt: skip
        self._store = store
        self._reference_store = reference_store
        self._reference = reference
        self._catching_up = catching_up
        self._owned = owned
        self._publisher = publisher
        self._resume = resume
        self._summed = (NATION, *provinces)
        self._revision = 0
        self._checkpoints: Mapping[int, Checkpoint] = {}
        self._unpublished: set[int] = set()
        self._adding = asyncio.Lock()

    async def run(self) -> None:
        """Poll each second until cancelled."""
        await repeat(self.poll, _EVERY, "polling for changes elsewhere")

    async def poll(self) -> None:
        """Have everything published that changed elsewhere since the last poll."""
        await self._poll_checkpoints()
        await self.poll_reference()
        await self._publish_taken_up()
        await self._publisher.refresh(self._catching_up.catching_up)

    async def _poll_checkpoints(self) -> None:
        if caught_up := self._catching_up.noted_behind(self._owned.caught_up):
            await self._store.mark_caught_up(caught_up)
            for partition in caught_up:
                self._catching_up.note(partition, behind=False)
        before, checkpoints = self._checkpoints, await self._store.checkpoints()
        self._catching_up.refresh(checkpoints, self._owned.assigned)
        if before and _generations(checkpoints) != _generations(before):
            # All figures are of another build now, which may have mended them.
            self._unpublished |= self._owned.partitions
        for partition in self._owned.stopped.keys() & before.keys():
            if checkpoints[partition].resumed > before[partition].resumed:
                await self._resume(partition)
        if checkpoints != before:
            # The nation and provinces whose position has grown are published, whichever replica counted.
            versions = await self._store.versions([region for region in self._summed if self._publisher.owns(region)])
            self._publisher.touch_newer({region: version.position for region, version in versions.items()})
        self._checkpoints = checkpoints

    async def poll_reference(self) -> None:
        """Read the rows recorded since the last poll; publish their regions, and those above, whose sums may change."""
        async with self._adding:
            self._revision, rows = await self._reference_store.since(self._revision)
            await asyncio.to_thread(self._reference.add, rows)
        if len(rows) > _MANY_ROWS:
            # They are kept for ever. Python's collector would look through them again and again, for 0.2 s each time.
            gc.freeze()
        async for row in in_turns(rows):
            self._publisher.touch(lineage_of(row.statement.region))

    async def _publish_taken_up(self) -> None:
        """Publish all regions of the partitions that came to this replica: their last owner may have crashed before."""
        self._unpublished |= self._owned.drain_taken_up()
        if taken_up := self._unpublished & self._owned.partitions:
            counted = [await self._store.regions_of(partition) for partition in taken_up]
            self._publisher.touch(self._summed)
            await self._publisher.touch_again(chain(*counted, self._reference.regions))
            self._unpublished -= taken_up


def _generations(checkpoints: Mapping[int, Checkpoint]) -> set[int]:
    return {checkpoint.generation for checkpoint in checkpoints.values()}
