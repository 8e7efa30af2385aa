"""Publishes the snapshot of each region that changed: at once, then at most once a second, the last state always."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from time import perf_counter
from typing import Final

from services.coverage.counting.domain.movements import lineage
from services.coverage.publishing.metrics import PublishingMetrics
from services.coverage.publishing.pacing import Pacer
from services.coverage.reading.snapshots import SnapshotReader
from shared.adapters.kafka_partitions import OwnedPartitions
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import NATION, PROVINCE_CODE, REGENCY_CODE
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger
from shared.runtime.tasks import woken

_log = logger(__name__)

EVERY: Final = timedelta(seconds=1)
"""The contract of the topic: at most one snapshot a second of a region."""
_CHUNK: Final = 30
"""Regions read and published together: large enough to spare round trips, small enough to let readers in between."""
_REST: Final = 4
"""A pause of four times as long as publishing a chunk took: publishing may use a fifth of the process, counting the
rest."""
_AFTER_FAILURE: Final = timedelta(seconds=1)

Publish = Callable[[Sequence[Snapshot], str], Awaitable[None]]
"""Publishes snapshots under a traceparent, and returns once all are acknowledged. Raises: TransientError."""


class Publisher:
    """Publishes the regions whose partition (`partition_of`) this replica reads now."""

    def __init__(
        self, viewer: SnapshotReader, publish: Publish, owned: OwnedPartitions, partition_of: Callable[[str], int],
        clock: Clock, metrics: PublishingMetrics,
    ) -> None:  # fmt: skip
        self._viewer = viewer
        self._publish_all = publish
        self._owned = owned
        self._partition_of = partition_of
        self._clock = clock
        self._metrics = metrics
        self._pacer = Pacer(EVERY)
        self._round: Iterator[str] = iter(())
        self._changed_next = False
        self._wake = asyncio.Event()
        self._published_behind: set[str] = set()
        self._deferred: dict[int, set[str]] = {}
        self._positions: dict[str, int] = {}
        self._trouble: str | None = None
        self._traceparent: str | None = None

    def touch(self, regions: Iterable[str]) -> None:
        """Note that these regions changed; other replicas publish their own."""
        with tracing.span("snapshots due") as self._traceparent:
            self._pacer.touch(region for region in regions if self.owns(region))
        self._wake.set()

    def touch_again(self, regions: Iterable[str]) -> None:
        """Publish these regions once more, in turns with what changes meanwhile; after a start they are many."""
        self._pacer.touch_again(region for region in regions if self.owns(region))
        self._wake.set()

    def counted(self, places: Collection[str]) -> None:
        """Note that people were counted in these places, and so in all regions above."""
        self.touch({region for place in places for region in lineage(place)})

    def counted_behind(self, places: Collection[str]) -> None:
        """Note that old changes of one partition were counted: publish nation and provinces, the rest once caught up.

        A replay would publish every village again and again, and nobody could act upon it.
        """
        for place in islice(places, 1):
            self._deferred.setdefault(self._partition_of(place), set()).update(places)
        self.touch({NATION, *(place[:2] for place in places)})

    def touch_caught_up(self, catching_up: Callable[[str], bool]) -> None:
        """Publish anew what was published as catching up and no longer is; nation and provinces first."""
        caught_up = {region for region in self._published_behind if not catching_up(region)}
        self._published_behind -= caught_up
        self.touch(region for region in caught_up if len(region) <= PROVINCE_CODE)
        self.touch_again(caught_up)
        for partition, places in list(self._deferred.items()):
            if not any(map(catching_up, islice(places, 1))):
                self.counted(self._deferred.pop(partition))

    def touch_newer(self, positions: Mapping[str, int]) -> None:
        """Publish the regions whose position is beyond the one published here."""
        self.touch(region for region, position in positions.items() if position > self._positions.get(region, 0))

    def touch_overdue(self) -> None:
        """Publish anew the regions whose published forecast is out of date."""
        self.touch(self._viewer.overdue())

    def owns(self, region: str) -> bool:
        """Say whether this replica publishes the region."""
        return self._partition_of(region) in self._owned.partitions

    def show_only_owned(self) -> None:
        """Remove the regions of other replicas from the metrics."""
        self._metrics.keep(self.owns)

    async def run(self) -> None:
        """Publish until cancelled; what fails is tried again, and readiness shows it."""
        while True:
            try:
                await self.publish_due(_REST)
            except (TransientError, PermanentError) as error:
                self._trouble = f"snapshots are not published: {error}"
                _log.warning("snapshots not published", error=str(error))
                await asyncio.sleep(_AFTER_FAILURE.total_seconds())
            await woken(self._wake, self._pacer.wait(self._clock.now()))

    async def publish_due(self, rest: float = 0) -> None:
        """Publish every region that is due; after each chunk, pause `rest` times as long as it took.

        On failure the regions that were not published stay due.
        """
        while regions := self._due():
            began = perf_counter()
            await self._publish(regions)
            self._trouble = None
            await asyncio.sleep((perf_counter() - began) * rest)

    def _due(self) -> list[str]:
        """Return the regions to publish next: some that changed, in turns with some that are only published again."""
        self._changed_next = not self._changed_next
        turns = (self._changed, self._again) if self._changed_next else (self._again, self._changed)
        return turns[0]() or turns[1]()

    def _changed(self) -> list[str]:
        """Return some of a round: all that had changed when it began, so that a region and those below go together."""
        if regions := list(islice(self._round, _CHUNK)):
            return regions
        self._round = iter(sorted(sorted(self._pacer.take(self._clock.now())), key=_size))
        return list(islice(self._round, _CHUNK))

    def _again(self) -> list[str]:
        return self._pacer.take_again(self._clock.now(), _CHUNK)

    async def _publish(self, regions: Sequence[str]) -> None:
        """Publish the regions that are this replica's; on failure they stay due."""
        try:
            if owned := [region for region in regions if self.owns(region)]:
                await self._send(owned)
        except BaseException:
            self._pacer.touch(regions)
            raise

    async def _send(self, regions: Sequence[str]) -> None:
        # Under the span of the last change, so that its trace goes on to the notifier.
        with tracing.span("publish snapshots", self._traceparent) as traceparent:
            snapshots = await self._viewer.snapshots(regions)
            await self._publish_all(snapshots, traceparent)
        self._positions.update((shot.region, shot.position) for shot in snapshots)
        self._published_behind.update(shot.region for shot in snapshots if shot.catching_up)
        self._metrics.published(snapshots)

    async def trouble(self) -> str | None:
        """Say why snapshots do not go out; a health check."""
        return self._trouble


def _size(region: str) -> int:
    """Return the order of regions, beside their code: the nation; provinces, each with its regencies; districts;
    villages. Whoever is told of a province then reads of the regency that moved it at once.
    """
    return 0 if region == NATION else max(len(region), REGENCY_CODE)
