"""Publishes the snapshot of each region that changed: at once, then at most once a second, the last state always."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from time import perf_counter
from typing import Final

from services.coverage.counting.domain.movements import lineage
from services.coverage.counting.ports import Metrics, SnapshotTopic
from services.coverage.publishing.pacing import Pacer
from services.coverage.reading.snapshots import SnapshotReader
from shared.regions.codes import NATION, PROVINCE_CODE, REGENCY_CODE
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

EVERY: Final = timedelta(seconds=1)
_CHUNK: Final = 30
"""Regions read and published together: large enough to spare round trips, small enough to let readers in between."""
_REST: Final = 4
"""Times as long as publishing a chunk took, until the next: it may have a fifth of the process, the rest counts."""
_AFTER_FAILURE: Final = timedelta(seconds=1)


class Publisher:
    """Publishes the regions whose partition (`partition_of`) is among those this replica reads now (`owned`)."""

    def __init__(
        self,
        viewer: SnapshotReader,
        topic: SnapshotTopic,
        owned: Callable[[], frozenset[int]],
        partition_of: Callable[[str], int],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._viewer = viewer
        self._topic = topic
        self._owned = owned
        self._partition_of = partition_of
        self._clock = clock
        self._metrics = metrics
        self._pacer = Pacer(EVERY)
        self._round: Iterator[str] = iter(())
        self._news_next = False
        self._wake = asyncio.Event()
        self._told_behind: set[str] = set()
        self._deferred: dict[int, set[str]] = {}
        self._positions: dict[str, int] = {}
        self._trouble: str | None = None
        self._traceparent: str | None = None

    def touch(self, regions: Iterable[str]) -> None:
        """Note that these regions changed; those of other replicas are left to them."""
        with tracing.span("snapshots due") as self._traceparent:
            self._pacer.touch(region for region in regions if self.owns(region))
        self._wake.set()

    def touch_again(self, regions: Iterable[str]) -> None:
        """Have these regions published once more, in turns with what changes meanwhile; they are many after a start."""
        self._pacer.touch_again(region for region in regions if self.owns(region))
        self._wake.set()

    def counted(self, places: Collection[str]) -> None:
        """Note that people were counted in these places, and so in all regions above."""
        self.touch({region for place in places for region in lineage(place)})

    def counted_behind(self, places: Collection[str]) -> None:
        """Note that old changes of one partition were counted: nation and provinces show it, the rest when level.

        A replay would publish every village again and again, for nobody to act upon.
        """
        for place in islice(places, 1):
            self._deferred.setdefault(self._partition_of(place), set()).update(places)
        self.touch({NATION, *(place[:2] for place in places)})

    def touch_caught_up(self, catching_up: Callable[[str], bool]) -> None:
        """Publish anew what was published as catching up and no longer is; nation and provinces are waited for."""
        level = {region for region in self._told_behind if not catching_up(region)}
        self._told_behind -= level
        self.touch(region for region in level if len(region) <= PROVINCE_CODE)
        self.touch_again(level)
        for partition, places in list(self._deferred.items()):
            if not any(map(catching_up, islice(places, 1))):
                self.counted(self._deferred.pop(partition))

    def touch_newer(self, positions: Mapping[str, int]) -> None:
        """Note the regions whose position is beyond what was published here."""
        self.touch(region for region, position in positions.items() if position > self._positions.get(region, 0))

    def touch_overdue(self) -> None:
        """Publish anew what was published with a forecast that is no longer so."""
        self.touch(self._viewer.overdue())

    def owns(self, region: str) -> bool:
        """Say whether this replica publishes the region."""
        return self._partition_of(region) in self._owned()

    async def run(self) -> None:
        """Publish until cancelled; what fails is tried again, and readiness tells."""
        while True:
            self._wake.clear()
            try:
                await self.publish_due(_REST)
            except (TransientError, PermanentError) as error:
                self._trouble = f"snapshots are not published: {error}"
                _log.warning("snapshots not published", error=str(error))
                await asyncio.sleep(_AFTER_FAILURE.total_seconds())
            await self._until_due()

    async def _until_due(self) -> None:
        """Wait for the next region that is due or for a region to change."""
        wait = self._pacer.wait(self._clock.now())
        try:
            async with asyncio.timeout(None if wait is None else wait.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return

    async def publish_due(self, rest: float = 0) -> None:
        """Publish every region that is due, and rest so many times as long as each chunk took; on failure those not
        published wait.
        """
        while regions := self._due():
            began = perf_counter()
            await self._publish(regions)
            self._trouble = None
            await asyncio.sleep((perf_counter() - began) * rest)

    def _due(self) -> list[str]:
        """Return the regions to publish next: some that changed, in turns with some that are only published again."""
        self._news_next = not self._news_next
        lanes = (self._news, self._again) if self._news_next else (self._again, self._news)
        return lanes[0]() or lanes[1]()

    def _news(self) -> list[str]:
        """Return some of a round: all that had changed when it began, so that a region and those below go together."""
        if regions := list(islice(self._round, _CHUNK)):
            return regions
        self._round = iter(sorted(sorted(self._pacer.take(self._clock.now())), key=_size))
        return list(islice(self._round, _CHUNK))

    def _again(self) -> list[str]:
        return self._pacer.take_again(self._clock.now(), _CHUNK)

    async def _publish(self, regions: Sequence[str]) -> None:
        """Publish those of the regions that are this replica's; on failure they wait."""
        try:
            if owned := [region for region in regions if self.owns(region)]:
                await self._send(owned)
        except BaseException:
            self._pacer.touch(regions)
            raise

    async def _send(self, regions: Sequence[str]) -> None:
        # Below the change that was last waited for, so that its trace goes on to the notifier.
        with tracing.span("publish snapshots", self._traceparent) as traceparent:
            snapshots = await self._viewer.snapshots(regions)
            await self._topic.publish(snapshots, traceparent)
        self._positions.update((shot.region, shot.position) for shot in snapshots)
        self._told_behind.update(shot.region for shot in snapshots if shot.catching_up)
        self._metrics.published(snapshots)

    async def trouble(self) -> str | None:
        """Say why snapshots do not go out; a health check."""
        return self._trouble


def _size(region: str) -> int:
    """Return what regions are ordered by, beside their code: the nation, provinces each with its regencies (who is told
    of a province is told who moved it), districts, villages.
    """
    return 0 if region == NATION else max(len(region), REGENCY_CODE)
