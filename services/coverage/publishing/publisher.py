"""Publishes the snapshot of each region that changed: at once, then at most once a second, the last state always."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import chain, groupby, islice
from time import thread_time
from typing import Final

from opentelemetry.trace import SpanKind

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
from shared.runtime.tasks import in_turns, woken

_log = logger(__name__)

EVERY: Final = timedelta(seconds=1)
"""The contract of the topic: at most one snapshot a second of a region."""
_CHUNK: Final = 30
"""Regions read and published together: large enough to spare round trips, small enough to let readers in between."""
_ROUND: Final = 500
"""Regions taken at once, or one group if it has more: to take all and sort them would keep others waiting."""
_LARGE: Final = "large"
_REST: Final = 1
_REST_AGAIN: Final = 4
"""A rest as long as the event loop computed for a chunk: changes may use half of the process, what is only published
again a fifth. Waiting for MongoDB and Kafka is no computing: a rest after it would add to their slowness."""
_LONGEST_PAUSE: Final = timedelta(seconds=1)
"""Changes rest no longer: the first board of a day takes seconds, in pieces that let readers in between."""
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
        self._pacer = Pacer(EVERY, _group_of)
        self._lanes: Sequence[Callable[[], list[str]]] = (
            partial(self._changed, [], lambda group: group != _LARGE),
            partial(self._changed, [], lambda group: group == _LARGE),
            self._again,
        )
        self._next = 0
        self._wake = asyncio.Event()
        self._published_behind: set[str] = set()
        self._deferred: dict[int, set[str]] = {}
        self._positions: dict[str, int] = {}
        self._trouble: str | None = None
        self._traces: dict[str, str] = {}

    def touch(self, regions: Iterable[str]) -> None:
        """Note that these regions changed; other replicas publish their own."""
        owned = [region for region in regions if self.owns(region)]
        self._pacer.touch(owned)
        if trace := tracing.current():
            self._traces.update(dict.fromkeys(owned, trace))
        self._wake.set()

    async def touch_again(self, regions: Iterable[str]) -> None:
        """Publish these regions once more, in turns with what changes meanwhile; after a start they are many."""
        async for region in in_turns(regions):
            if self.owns(region):
                self._pacer.touch_again([region])
        self._wake.set()

    def counted(self, places: Collection[str], behind: bool) -> None:
        """Note that people of one partition were counted in these places, and so in all regions above.

        While the partition is `behind`, only nation and provinces are published, and the rest once it has caught up: a
        replay would publish every village again and again, and nobody could act upon it.
        """
        if behind:
            for place in islice(places, 1):
                self._deferred.setdefault(self._partition_of(place), set()).update(places)
            self.touch({NATION, *(place[:PROVINCE_CODE] for place in places)})
        else:
            self.touch({region for place in places for region in lineage(place)})

    async def refresh(self, catching_up: Callable[[str], bool]) -> None:
        """Publish anew the regions that are no longer catching up, nation and provinces first, and those whose forecast
        is out of date. Remove the regions of other replicas from the metrics.
        """
        self.touch(self._viewer.overdue())
        self._metrics.keep(self.owns)
        caught_up = {region for region in self._published_behind if not catching_up(region)}
        self._published_behind -= caught_up
        self.touch(region for region in caught_up if len(region) <= PROVINCE_CODE)
        await self.touch_again(caught_up)
        ready = [at for at, places in self._deferred.items() if not any(map(catching_up, islice(places, 1)))]
        async for place in in_turns(chain.from_iterable(self._deferred.pop(partition) for partition in ready)):
            self.counted([place], behind=False)

    def touch_newer(self, positions: Mapping[str, int]) -> None:
        """Publish the regions whose position is beyond the one published here."""
        self.touch(region for region, position in positions.items() if position > self._positions.get(region, 0))

    def owns(self, region: str) -> bool:
        """Say whether this replica publishes the region."""
        return self._owned.reads(self._partition_of(region))

    async def run(self) -> None:
        """Publish until cancelled; what fails is tried again, and readiness shows it."""
        while True:
            try:
                await self.publish_due(_REST, _REST_AGAIN)
            except (TransientError, PermanentError) as error:
                self._trouble = f"snapshots are not published: {error}"
                _log.warning("snapshots not published", error=str(error))
                await asyncio.sleep(_AFTER_FAILURE.total_seconds())
            await woken(self._wake, self._pacer.wait(self._clock.now()))

    async def publish_due(self, rest: float = 0, rest_again: float = 0) -> None:
        """Publish every region that is due; after each chunk, rest so many times as long as the loop computed for it.

        After changes everything rests. What is only published again rests alone: changes go on meanwhile.
        On failure the regions that were not published stay due.
        """
        while due := self._due():
            regions, is_again = due
            began = thread_time()
            await self._publish(regions)
            self._trouble = None
            computed = timedelta(seconds=thread_time() - began)
            if is_again:
                self._pacer.rest_again(self._clock.now() + computed * rest_again)
            await asyncio.sleep(0 if is_again else min(computed * rest, _LONGEST_PAUSE).total_seconds())

    def _due(self) -> tuple[list[str], bool] | None:
        """Return a chunk of what is due, and whether it is only published again; None where nothing is due.

        In turns: small regions that changed, large ones that did, and regions to be published again. So a province
        waits for one chunk of each kind, never for all villages.
        """
        for _ in self._lanes:
            lane, self._next = self._lanes[self._next], (self._next + 1) % len(self._lanes)
            if regions := lane():
                return regions, lane == self._again
        self._next = 0
        return None

    def _changed(self, round_: list[str], wanted: Callable[[str], bool]) -> list[str]:
        """Return a chunk of a round: regions of wanted groups that had changed when it began."""
        if not round_:
            round_ += sorted(self._pacer.take(self._clock.now(), wanted, _ROUND), key=_order, reverse=True)
        return [round_.pop() for _ in range(min(_CHUNK, len(round_)))]

    def _again(self) -> list[str]:
        return self._pacer.take_again(self._clock.now(), _CHUNK)

    async def _publish(self, regions: Sequence[str]) -> None:
        """Publish the regions that are this replica's; on failure they stay due."""
        owned = [region for region in regions if self.owns(region)]
        if not owned:
            return
        traces = {region: self._traces.pop(region) for region in owned if region in self._traces}
        try:
            # It continues the trace of a change, and so does the notifier.
            with tracing.span("publish snapshots", traces.values(), SpanKind.PRODUCER) as traceparent:
                snapshots = await self._viewer.snapshots(owned)
                self._pacer.read(owned, self._clock.now())
                # Whoever is told of a region at once must find on the topic what moved it, so parts go first.
                for level in _deepest_first(snapshots):
                    await self._publish_all(level, traceparent)
        except BaseException:
            self._pacer.touch(owned)
            self._traces = traces | self._traces
            raise
        self._positions.update((shot.region, shot.position) for shot in snapshots)
        self._published_behind.update(shot.region for shot in snapshots if shot.catching_up)
        self._metrics.published(snapshots)

    async def trouble(self) -> str | None:
        """Say why snapshots do not go out; a health check."""
        return self._trouble


def _group_of(region: str) -> str:
    """Return the group in which a region waits: all large ones are one; others wait with those of their regency.

    Large are the nation, provinces and regencies: some 550, of which most messages are.
    """
    return _LARGE if len(region) <= REGENCY_CODE else region[:REGENCY_CODE]


def _deepest_first(snapshots: Iterable[Snapshot]) -> Iterator[list[Snapshot]]:
    def height(snapshot: Snapshot) -> int:
        return -len(snapshot.region) if snapshot.region != NATION else 0

    for _, level in groupby(sorted(snapshots, key=height), height):
        yield list(level)


def _order(region: str) -> str:
    """Return the order of a round: each region after all that lie in it, so the nation is last."""
    return f"{region}.~"
