"""Writes what the reader took while the reader goes on reading.

A sink takes records at once and keeps their result. Batches of these results are closed and committed, each of other
partitions than those in flight. So a batch is small while records come one by one, and grows by itself while the one
before it is being written. Where the topic has much more to give, a batch waits until it is worth a transaction.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from aiokafka import ConsumerRecord

from shared.adapters.kafka_partitions import OwnedPartitions
from shared.adapters.kafka_poll import RecordsByPartition
from shared.runtime import tracing
from shared.runtime.backoff import delay
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

_RETRY_FIRST: Final = timedelta(milliseconds=100)
_RETRY_LONGEST: Final = timedelta(seconds=5)
_MUCH: Final = 5_000
"""Records still to be fetched of a partition that make it worth waiting for them."""


class Batch(Protocol):
    """The result of one partition's records, ready to be committed."""

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


B = TypeVar("B", bound=Batch)


class Sink(Protocol[B]):
    """Takes the records of this replica's partitions, and makes them durable batch by batch."""

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset to begin at, for every partition whose position is kept here; drop what they had waiting.

        The rest begin at what the group committed. Raises: PermanentError to leave them stopped.
        """
        ...

    def take(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """Take the records, in order. Raises: PermanentError at the first that cannot be taken; those before it are."""
        ...

    def waiting(self) -> Mapping[int, int]:
        """Return the number of records that were taken and are in no batch, by partition."""
        ...

    def close(self, partitions: Collection[int]) -> Sequence[B]:
        """Return what waits of these partitions as batches; what is taken later goes into the next ones."""
        ...

    async def commit(self, batches: Sequence[B]) -> None:
        """Make the batches durable, all or none.

        Raises: TransientError to be given the same again; FencedError when another replica is ahead (the position is
        read anew); PermanentError to stop until someone acts. Where several batches were given, each is then given
        alone, so that only the partition at fault is held up.
        """
        ...

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what waits of these partitions."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many transactions are in flight, what makes one worth it when behind, how much may wait, and how long a stop
    waits for those in flight.
    """

    in_flight: int
    worth_it: int
    waiting: int
    drain_within_s: float


ONE_AT_A_TIME: Final = Limits(in_flight=1, worth_it=0, waiting=1, drain_within_s=0)
"""What one poll brought is one transaction; the next poll is read meanwhile. A stop breaks the transaction off."""
GROWING: Final = Limits(in_flight=2, worth_it=60_000, waiting=120_000, drain_within_s=10)
"""One is written while the next is made ready: a third would only wait for the same database. More records a
transaction gain little, and memory grows (ADR 0018). A stop waits as long as MongoDB is given to answer."""


class BatchWriter(Generic[B]):
    """Commits what the sink took, and remembers which partition failed until the reader has dealt with it."""

    def __init__(self, sink: Sink[B], owned: OwnedPartitions, limits: Limits) -> None:
        self.failed: dict[int, Exception] = {}
        self._sink = sink
        self._owned = owned
        self._limits = limits
        self._in_flight: dict[asyncio.Task[None], frozenset[int]] = {}
        self._taken_to: dict[int, int] = {}
        self._trace: str | None = None
        self._draining = False

    def read_to(self) -> dict[int, int]:
        """Return the offset after the last record taken, for every partition that is read now."""
        applied = self._owned.next_offsets
        return {at: self._taken_to.get(at, applied[at]) for at in self._owned.partitions}

    async def take(self, polled: RecordsByPartition) -> None:
        """Have the sink take the records; wait while too much waits for the batches in flight."""
        before = dict(self._taken_to)
        for partition, records in polled.items():
            if partition not in self._owned.partitions or partition in self.failed:
                continue
            try:
                self._sink.take(partition, records)
                self._taken_to[partition] = records[-1].offset + 1
            except PermanentError as error:
                self.failed[partition] = error
            except Exception as error:
                # A defect in the middle leaves the sink in an unknown state: nothing of what waits may be written.
                self._sink.forget([partition])
                self.failed[partition] = error
        self._trace = traceparent_of(polled) or self._trace
        self.commit_waiting(patient=self._taken_to != before)
        while self._in_flight and sum(self._sink.waiting().values()) >= self._limits.waiting:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    def commit_waiting(self, *, patient: bool) -> None:
        """Start to commit what waits, unless enough is in flight or, if patient, more is worth waiting for."""
        waiting = self._ready()
        chosen: Collection[int] = waiting
        if not waiting or len(self._in_flight) >= self._limits.in_flight:
            return
        if patient and self._limits.worth_it and any(map(self._has_much, waiting)):
            if sum(waiting.values()) < self._limits.worth_it:
                return
            chosen = _fuller_half(waiting)
        task = asyncio.create_task(self._commit(self._sink.close(chosen)))
        self._in_flight[task] = frozenset(chosen)
        task.add_done_callback(self._committed)

    def _ready(self) -> dict[int, int]:
        """Return what waits of partitions that are read here and in no batch in flight."""
        free = self._owned.partitions.difference(*self._in_flight.values())
        return {at: count for at, count in self._sink.waiting().items() if count and at in free}

    def _has_much(self, partition: int) -> bool:
        return self._owned.remaining(partition, self._taken_to.get(partition, 0)) > _MUCH

    def _committed(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        if not self._draining:
            self.commit_waiting(patient=True)

    async def _commit(self, batches: Sequence[B]) -> None:
        """Commit, again and again after passing errors, for as long as the partitions are read here."""
        attempt = 0
        while batches := [one for one in batches if one.partition in self._owned.partitions]:
            try:
                with tracing.span("apply", self._trace):
                    await self._sink.commit(batches)
                for one in batches:
                    self._owned.applied(one.partition, one.next_offset, one.written_at)
                return
            except TransientError as error:
                if self._draining:
                    return
                attempt += 1
                self._owned.metrics.retries.labels(self._owned.topic).inc()
                _log.warning("applying again", topic=self._owned.topic, attempt=attempt, error=str(error))
                await pause_before(attempt)
            except Exception as error:
                # Also a defect of ours: it stops its partition, and must not end the process.
                await self._commit_each(batches, error)
                return

    async def _commit_each(self, batches: Sequence[B], error: Exception) -> None:
        """Commit each batch alone; where it was alone already, its partition has failed."""
        if len(batches) > 1:
            for one in batches:
                await self._commit([one])
            return
        self.failed[batches[0].partition] = error
        self._sink.forget([batches[0].partition])

    def at_rest(self) -> list[int]:
        """Return the failed partitions of which nothing waits and nothing is in flight."""
        waiting, in_flight = self._sink.waiting(), frozenset[int]().union(*self._in_flight.values())
        return [at for at in self.failed if not waiting.get(at) and at not in in_flight]

    def begin(self, partitions: Collection[int]) -> None:
        """Forget how far these partitions were taken: they are about to be read from their positions."""
        for partition in partitions:
            self._taken_to.pop(partition, None)

    async def release(self, partitions: Collection[int]) -> None:
        """Wait for the batches in flight of these partitions, and drop all else that they have."""
        if tasks := [task for task, of in self._in_flight.items() if not of.isdisjoint(partitions)]:
            await asyncio.wait(tasks)
        self._sink.forget(partitions)
        self.begin(partitions)
        for partition in partitions:
            self.failed.pop(partition, None)

    async def drain(self) -> None:
        """Drop what waits, which the next owner reads again, and give the batches in flight a moment to end."""
        self._draining = True
        self._sink.forget(self._owned.partitions)
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=self._limits.drain_within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _fuller_half(waiting: Mapping[int, int]) -> list[int]:
    """Return half of the partitions, those with most waiting, so that the others gather meanwhile."""
    fullest = sorted(waiting, key=lambda partition: -waiting[partition])
    return fullest[: (len(fullest) + 1) // 2]


async def pause_before(attempt: int) -> None:
    """Wait before this attempt, the longer the more there were."""
    wait = delay(attempt, first=_RETRY_FIRST, longest=_RETRY_LONGEST, chance=random.random())  # noqa: S311
    await asyncio.sleep(wait.total_seconds())


class RecordSink(Protocol):
    """Makes records durable at once."""

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """As `Sink.assigned`."""
        ...

    async def apply(self, batches: RecordsByPartition) -> None:
        """Make the records durable, in order within each partition, all or none. Raises: as `Sink.commit`."""
        ...


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition."""

    partition: int
    records: Sequence[ConsumerRecord]

    @property
    def next_offset(self) -> int:
        """The offset after the last record."""
        return int(self.records[-1].offset) + 1

    @property
    def written_at(self) -> datetime:
        """When the last record was written."""
        return written_at(self.records[-1])


class Buffered:
    """Keeps records until they are committed, for a sink that makes records durable at once."""

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink
        self._waiting: dict[int, list[ConsumerRecord]] = {}

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """See `Sink`."""
        self.forget(partitions)
        return await self._sink.assigned(partitions)

    def take(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """See `Sink`."""
        self._waiting.setdefault(partition, []).extend(records)

    def waiting(self) -> Mapping[int, int]:
        """See `Sink`."""
        return {partition: len(records) for partition, records in self._waiting.items()}

    def close(self, partitions: Collection[int]) -> Sequence[RecordBatch]:
        """See `Sink`."""
        return [RecordBatch(partition, self._waiting.pop(partition)) for partition in partitions]

    async def commit(self, batches: Sequence[RecordBatch]) -> None:
        """See `Sink`."""
        await self._sink.apply({batch.partition: batch.records for batch in batches})

    def forget(self, partitions: Collection[int]) -> None:
        """See `Sink`."""
        for partition in partitions:
            self._waiting.pop(partition, None)


def written_at(record: ConsumerRecord) -> datetime:
    """Return when the record was written."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def traceparent_of(polled: RecordsByPartition) -> str | None:
    """Return the trace of the last record of the first partition: one of the traces that go on together."""
    last = next(iter(polled.values()))[-1] if polled else None
    value = dict(last.headers).get("traceparent") if last else None
    return value.decode("ascii", "replace") if value else None
