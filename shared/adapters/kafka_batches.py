"""Writes what the reader took while the reader goes on reading.

Records are taken into one open batch a partition. Batches are closed and committed, each of other partitions than
those in flight. So a batch is small while records come one by one, and grows by itself while the one before it is
being written. Where the topic has much more to give, a batch waits until it is worth a transaction.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Protocol, Self, TypeVar

from aiokafka import ConsumerRecord
from opentelemetry.trace import SpanKind

from shared.adapters.kafka_partitions import OwnedPartitions
from shared.adapters.kafka_poll import RecordsByPartition
from shared.runtime import tracing
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger
from shared.runtime.tasks import delay
from shared.runtime.tracing import LINKS_AT_MOST

_log = logger(__name__)

_RETRY_FIRST: Final = timedelta(milliseconds=100)
_RETRY_LONGEST: Final = timedelta(seconds=5)
_MUCH: Final = 5_000
"""Records still to be fetched of a partition that make it worth waiting for them."""


class Batch(Protocol):
    """The result of one partition's records, the last of them written at `written_at`; open until it is closed."""

    partition: int
    written_at: datetime | None

    @property
    def next_offset(self) -> int | None:
        """The offset after the last record; None to begin at what the group committed."""
        ...

    def successor(self) -> Self:
        """Return an empty batch that begins where this one ends."""
        ...


B = TypeVar("B", bound=Batch)


class Sink(Protocol[B]):
    """What becomes of the records of this replica's partitions."""

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, B]:
        """Return an empty batch for every partition, with the offset to begin at.

        Raises: PermanentError to leave them stopped.
        """
        ...

    def take(self, batch: B, records: Sequence[ConsumerRecord]) -> None:
        """Take records into the batch, in order. Raises: PermanentError at the first that cannot be taken."""
        ...

    async def commit(self, batches: Sequence[B]) -> None:
        """Make the batches durable, all or none.

        Raises: TransientError to be given the same again; FencedError when another replica is ahead (the position is
        read anew); PermanentError to stop until someone acts. Where several batches were given, each is then given
        alone, so that only the partition at fault is held up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many transactions are in flight, how many records make one worth it when behind, how many may wait, and how
    long a stop waits for the transactions in flight.
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
    """Commits batches, and remembers which partition failed until the reader has dealt with it."""

    def __init__(self, sink: Sink[B], owned: OwnedPartitions, limits: Limits) -> None:
        self.failed: dict[int, Exception] = {}
        self._sink = sink
        self._owned = owned
        self._limits = limits
        self._open: dict[int, B] = {}
        self._waiting: dict[int, int] = {}
        self._in_flight: dict[asyncio.Task[None], frozenset[int]] = {}
        self._traces: dict[int, list[str]] = {}
        self._draining = False

    def begin(self, batches: Mapping[int, B]) -> None:
        """Take records into these batches from now on."""
        self._open |= batches
        self._waiting |= dict.fromkeys(batches, 0)

    def forget(self, partitions: Collection[int]) -> None:
        """Drop the open batches of these partitions."""
        for partition in partitions:
            self._open.pop(partition, None)
            self._waiting.pop(partition, None)
            self._traces.pop(partition, None)

    def read_to(self) -> dict[int, int]:
        """Return the offset after the last record taken, for every partition that is read now."""
        return {at: self._taken_to(at) for at in self._owned.partitions}

    def _taken_to(self, partition: int) -> int:
        offset = self._open[partition].next_offset if partition in self._open else None
        return self._owned.next_offsets[partition] if offset is None else offset

    async def take(self, polled: RecordsByPartition) -> None:
        """Have the sink take the records; wait while too much waits for the batches in flight."""
        ours = {at: some for at, some in polled.items() if at in self._owned.partitions and at not in self.failed}
        for partition, records in ours.items():
            batch = self._open[partition]
            try:
                self._sink.take(batch, records)
                self._waiting[partition] += len(records)
            except PermanentError as error:
                self.failed[partition] = error
                self._waiting[partition] += sum(record.offset < (batch.next_offset or 0) for record in records)
            except Exception as error:
                # A defect in the middle leaves the batch in an unknown state: nothing of it may be written.
                self.failed[partition] = error
                self.forget([partition])
        for partition, records in ours.items():
            self._traces[partition] = (self._traces.get(partition, []) + traceparents_of(records))[-LINKS_AT_MOST:]
        self.commit_waiting(patient=bool(ours))
        while self._in_flight and sum(self._waiting.values()) >= self._limits.waiting:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    def commit_waiting(self, *, patient: bool) -> None:
        """Start to commit what waits, unless enough is in flight or, if patient, more is worth waiting for."""
        free = self._owned.partitions.difference(*self._in_flight.values())
        waiting = {at: count for at, count in self._waiting.items() if count and at in free}
        chosen: Collection[int] = waiting
        if not waiting or len(self._in_flight) >= self._limits.in_flight:
            return
        if patient and self._limits.worth_it and any(map(self._has_much, waiting)):
            if sum(waiting.values()) < self._limits.worth_it:
                return
            chosen = _fuller_half(waiting)
        closed = [self._open[partition] for partition in chosen]
        self.begin({batch.partition: batch.successor() for batch in closed})
        traces = [trace for partition in chosen for trace in self._traces.pop(partition, ())]
        task = asyncio.create_task(self._commit(closed, traces))
        self._in_flight[task] = frozenset(chosen)
        task.add_done_callback(self._committed)

    def _has_much(self, partition: int) -> bool:
        return self._owned.remaining(partition, self._taken_to(partition)) > _MUCH

    def _committed(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        if not self._draining:
            self.commit_waiting(patient=True)

    async def _commit(self, batches: Sequence[B], traces: Sequence[str]) -> None:
        """Commit, again and again after passing errors, for as long as the partitions are read here."""
        attempt = 0
        while batches := [one for one in batches if one.partition in self._owned.partitions]:
            try:
                with tracing.span("apply", traces, SpanKind.CONSUMER):
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
                await self._commit_each(batches, error, traces)
                return

    async def _commit_each(self, batches: Sequence[B], error: Exception, traces: Sequence[str]) -> None:
        """Commit each batch alone; where it was alone already, its partition has failed."""
        if len(batches) > 1:
            for one in batches:
                await self._commit([one], traces)
            return
        self.failed[batches[0].partition] = error
        self.forget([batches[0].partition])

    def at_rest(self) -> list[int]:
        """Return the failed partitions of which nothing waits and nothing is in flight."""
        in_flight = frozenset[int]().union(*self._in_flight.values())
        return [at for at in self.failed if not self._waiting.get(at) and at not in in_flight]

    async def release(self, partitions: Collection[int]) -> None:
        """Wait for the batches in flight of these partitions, and drop all else that they have."""
        if tasks := [task for task, of in self._in_flight.items() if not of.isdisjoint(partitions)]:
            await asyncio.wait(tasks)
        self.forget(partitions)
        for partition in partitions:
            self.failed.pop(partition, None)

    async def drain(self) -> None:
        """Drop what waits, which the next owner reads again, and give the batches in flight a moment to end."""
        self._draining = True
        self.forget(self._owned.partitions)
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
        """Return the offset to begin at, for every partition whose position is kept here. Raises: as `Sink`."""
        ...

    async def apply(self, batches: RecordsByPartition) -> None:
        """Make the records durable, in order within each partition, all or none. Raises: as `Sink.commit`."""
        ...


@dataclass(slots=True)
class RecordBatch:
    """Records of one partition."""

    partition: int
    next_offset: int | None
    written_at: datetime | None = None
    records: list[ConsumerRecord] = field(default_factory=list)

    def successor(self) -> RecordBatch:
        """See `Batch`."""
        return RecordBatch(self.partition, self.next_offset)


class Buffered:
    """Keeps records until they are committed, for a sink that makes records durable at once."""

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, RecordBatch]:
        """See `Sink`."""
        positions = await self._sink.assigned(partitions)
        return {partition: RecordBatch(partition, positions.get(partition)) for partition in partitions}

    def take(self, batch: RecordBatch, records: Sequence[ConsumerRecord]) -> None:
        """See `Sink`."""
        batch.records += records
        batch.next_offset, batch.written_at = records[-1].offset + 1, written_at(records[-1])

    async def commit(self, batches: Sequence[RecordBatch]) -> None:
        """See `Sink`."""
        await self._sink.apply({batch.partition: batch.records for batch in batches})


def written_at(record: ConsumerRecord) -> datetime:
    """Return when the record was written."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def traceparent_of(record: ConsumerRecord) -> str | None:
    """Return the trace of a record."""
    value = dict(record.headers).get("traceparent")
    return value.decode("ascii", "replace") if value else None


def traceparents_of(records: Sequence[ConsumerRecord]) -> list[str]:
    """Return the traces of the records, each once; without export only that of the last."""
    looked_at = records if tracing.exports() else records[-1:]
    return list(dict.fromkeys(filter(None, map(traceparent_of, looked_at))))
