"""Reads like `PartitionReader`, but goes on reading while what was read is being written.

Its sink takes records in at once and keeps what they come to; that is sealed and committed in flights, two at a time,
of different partitions. So a flush is small and frequent while records come one by one, and grows by itself while the
one before it is being written. Where the topic has much more to give, flights wait until they are worth it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from aiokafka import ConsumerRecord, TopicPartition
from faststream.kafka import KafkaBroker

from shared.adapters.kafka_poll import Batches
from shared.adapters.kafka_reader import Metrics, Positions, TopicReader, traceparent_of
from shared.contracts.topics import Topic
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

_FLIGHTS: Final = 2
"""One is being written while the next is made ready: more would only wait for the same database."""
_WORTH_IT: Final = 60_000
"""Records a flight when behind, over its partitions: beyond it replay gains little, and memory grows (ADR 0018)."""
_MOST: Final = 2 * _WORTH_IT
"""Records that wait at most: those that are ready to fly, and those whose partition is in flight."""
_MUCH: Final = 5_000
"""Records still to be fetched of a partition that make it worth waiting for them."""
_LANDED_WITHIN_S: Final = 10.0
"""How long a stop waits for flights: as long as MongoDB is given to answer."""


class Sealed(Protocol):
    """What one partition's records came to, ready to be committed; `written_at` is the last record's time."""

    @property
    def partition(self) -> int:
        """The partition."""
        ...

    @property
    def next_offset(self) -> int:
        """The offset after the last record."""
        ...

    @property
    def written_at(self) -> datetime:
        """When the last record was written."""
        ...


class GatheringSink(Positions, Protocol):
    """What is done with the records of the partitions this replica has; one newly assigned has nothing waiting."""

    def take(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """Take the records in, in order. Raises: PermanentError at one that cannot be, with those before it taken."""
        ...

    def waiting(self) -> Mapping[int, int]:
        """Return the number of records that were taken and not sealed, by partition."""
        ...

    def seal(self, partitions: Collection[int]) -> Sequence[Any]:
        """Return what waits of these partitions as `Sealed`; what is taken from now on waits anew."""
        ...

    async def commit(self, sealed: Sequence[Any]) -> None:
        """Make what was sealed durable, all or none.

        Raises: TransientError to be given the same again; FencedError when another replica is ahead; PermanentError
        to stop until someone acts. Where several partitions were given, each is then given alone.
        """
        ...

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what waits of these partitions."""
        ...


class GatheringReader(TopicReader):
    """One replica's part of a consumer group, feeding a sink that gathers."""

    def __init__(
        self, broker: KafkaBroker, topic: Topic, group: str, instance: str, sink: GatheringSink, clock: Clock,
        metrics: Metrics,
    ) -> None:  # fmt: skip
        super().__init__(broker, topic, group, instance, sink, clock, metrics, reset="none")
        self._sink = sink
        self._flights: dict[asyncio.Task[None], frozenset[int]] = {}
        self._faults: dict[int, Exception] = {}
        self._fetched: dict[int, int] = {}
        self._trace: str | None = None

    async def _land(self) -> None:
        """Give flights that are on their way a moment to land; what waits is read again by whoever comes next."""
        self._sink.forget(self.partitions)
        if self._flights:
            _, late = await asyncio.wait(self._flights, timeout=_LANDED_WITHIN_S)
            for flight in late:
                flight.cancel()

    async def _step(self) -> None:
        """Poll once. A poll that brings nothing ends the waiting for more."""
        await self._mend()
        before = dict(self._fetched)
        await super()._step()
        self._launch(patient=self._fetched != before)

    async def _mend(self) -> None:
        """Read positions anew where another replica was ahead, stop what cannot go on; first, what it took must land.

        Here and not in the flight, since now nothing that was fetched before is in hand.
        """
        for partition, error in list(self._faults.items()):
            if self._sink.waiting().get(partition) or partition in self._flying:
                continue
            async with self._lock:
                if self._faults.pop(partition, None):
                    await self._give_up(partition, error)

    def _ours(self, batches: Batches) -> Batches:
        return {at: records for at, records in super()._ours(batches).items() if at not in self._faults}

    async def _apply(self, batches: Batches) -> None:
        """Have the records taken in, and wait while the flights cannot keep up."""
        for partition, records in self._ours(batches).items():
            try:
                self._sink.take(partition, records)
                self._fetched[partition] = records[-1].offset + 1
            except PermanentError as error:
                await self._fault(partition, error)
            except Exception as error:
                # A defect in the middle leaves nobody knows what: none of what waits may be written.
                self._sink.forget([partition])
                await self._fault(partition, error)
        self._trace = traceparent_of(batches) or self._trace
        self._launch(patient=True)
        while self._flights and sum(self._sink.waiting().values()) >= _MOST:
            await asyncio.wait(self._flights, return_when=asyncio.FIRST_COMPLETED)

    async def _fault(self, partition: int, error: Exception) -> None:
        """Take in no more of the partition; it is given up once what was taken before has landed."""
        self._faults[partition] = error

    def _read_to(self) -> dict[TopicPartition, int]:
        return {at: self._fetched.get(at.partition, offset) for at, offset in super()._read_to().items()}

    async def _take_up(self, partitions: Collection[TopicPartition]) -> None:
        for at in partitions:
            self._fetched.pop(at.partition, None)
        await super()._take_up(partitions)

    def _launch(self, *, patient: bool) -> None:
        """Start a flight of what waits, unless there are enough of them or more is worth waiting for."""
        waiting = self._ready()
        chosen: Collection[int] = waiting
        if not waiting or len(self._flights) >= _FLIGHTS:
            return
        if patient and any(self._has_much(partition) for partition in waiting):
            if sum(waiting.values()) < _WORTH_IT:
                return
            chosen = _fuller_half(waiting)
        flight = asyncio.create_task(self._fly(self._sink.seal(chosen)))
        self._flights[flight] = frozenset(chosen)
        flight.add_done_callback(self._landed)

    def _ready(self) -> dict[int, int]:
        """Return what waits of partitions that are ours and in no flight."""
        free = self.partitions - self._flying
        return {at: count for at, count in self._sink.waiting().items() if count and at in free}

    @property
    def _flying(self) -> frozenset[int]:
        return frozenset[int]().union(*self._flights.values())

    def _has_much(self, partition: int) -> bool:
        """Say whether Kafka has much more of the partition than was fetched."""
        end = self._consumer.highwater(TopicPartition(self._topic.name, partition))
        return end is not None and end - self._fetched.get(partition, 0) > _MUCH

    def _landed(self, flight: asyncio.Task[None]) -> None:
        del self._flights[flight]
        self._launch(patient=True)

    async def _fly(self, sealed: Sequence[Any]) -> None:
        """Commit what was sealed, again and again after passing errors, for as long as its partitions are ours."""
        attempt = 0
        while sealed := [one for one in sealed if one.partition in self.partitions]:
            try:
                with tracing.span("apply", self._trace):
                    await self._sink.commit(sealed)
                for one in sealed:
                    self._note(one.partition, one.next_offset, one.written_at)
                return
            except TransientError as error:
                attempt += 1
                self._metrics.retries.labels(self._topic.name).inc()
                _log.warning("applying again", topic=self._topic.name, attempt=attempt, error=str(error))
                await self._pause_before(attempt)
            except Exception as error:
                # Also a defect: it stops its partition, and must not end the process.
                await self._part(sealed, error)
                return

    async def _part(self, sealed: Sequence[Any], error: Exception) -> None:
        """Commit each partition alone, so that only the one at fault is held up; note the fault of one alone."""
        if len(sealed) > 1:
            for one in sealed:
                await self._fly([one])
            return
        partition = sealed[0].partition
        await self._fault(partition, error)
        self._sink.forget([partition])

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Wait for the flights of these partitions, then let them go."""
        gone = {at.partition for at in revoked}
        self._assigned -= gone
        flying = [flight for flight, partitions in self._flights.items() if partitions & gone]
        if flying:
            await asyncio.wait(flying)
        self._sink.forget(gone)
        for partition in gone:
            self._faults.pop(partition, None)
            self._fetched.pop(partition, None)
        await super().on_partitions_revoked(revoked)


def _fuller_half(waiting: Mapping[int, int]) -> list[int]:
    """Return the partitions with most waiting, half of them, so that the others are gathered meanwhile."""
    fullest = sorted(waiting, key=lambda partition: -waiting[partition])
    return fullest[: (len(fullest) + 1) // 2]
