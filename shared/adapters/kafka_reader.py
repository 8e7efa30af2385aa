"""Reads a topic partition by partition, from positions its user keeps, and never lets an error end the loop.

FastStream owns the subscription (and describes it in AsyncAPI); the loop over `getmany` is ours, since FastStream's
own swallows errors and mixes partitions (ADR 0003).
"""

from __future__ import annotations

import asyncio
import random
import traceback
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.adapters.kafka_poll import POLL_TIMEOUT_MS, Batches, find_unreadable, gather, rewind
from shared.adapters.kafka_start import started
from shared.contracts.topics import Topic
from shared.runtime import tracing
from shared.runtime.backoff import delay
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

_SILENT_POLL: Final = timedelta(seconds=30)
"""A loop that has not asked Kafka for so long is stuck."""
_RETRY_FIRST: Final = timedelta(milliseconds=100)
_RETRY_LONGEST: Final = timedelta(seconds=5)
_BROKER_START_TIMEOUT_S: Final = 30
_LAST_COMMIT_S: Final = 2.0
"""On the way out: while Kafka is away a commit would be tried for ever."""


class Positions(Protocol):
    """Who keeps the positions."""

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset to begin at for every partition whose position is kept here.

        The rest begin at what the group committed, else as `reset` says. Raises: PermanentError to leave them paused.
        """
        ...


class Sink(Positions, Protocol):
    """What is done with the records of the partitions this replica has."""

    async def apply(self, batches: Batches) -> None:
        """Take in the records, in order within each partition, all or none.

        Raises: TransientError to be given the same again; FencedError when another replica is ahead (positions are
        read anew); PermanentError to stop until someone acts. Where several partitions were given, each is then given
        alone, so that only the one at fault is held up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Metrics:
    """Lag and trouble of one subscription."""

    lag_records: Gauge
    lag_seconds: Gauge
    retries: Counter
    stopped: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Metrics:
        """Register the metrics; labels: topic, partition."""
        labels = ("topic", "partition")
        return cls(
            Gauge("kafka_lag_records", "Records not yet applied", labels, registry=registry),
            Gauge("kafka_lag_seconds", "Age of the newest applied record while behind; 0 when level", labels,
                  registry=registry),
            Counter("kafka_apply_retries_total", "Batches applied again after a passing error", ("topic",),
                    registry=registry),
            Gauge("kafka_partition_stopped", "1 where a partition waits for an operator", labels, registry=registry),
        )  # fmt: skip


class TopicReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """One replica's part of a consumer group; what is done with the records is its subclasses' matter."""

    def __init__(
        self, broker: KafkaBroker, topic: Topic, group: str, instance: str, positions: Positions, clock: Clock,
        metrics: Metrics, *, reset: Literal["earliest", "none"],
    ) -> None:  # fmt: skip
        self._topic = topic
        self._keeper = positions
        self._clock = clock
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._assigned: set[int] = set()
        self._stopped: dict[int, str] = {}
        self._next: dict[int, int] = {}
        self._assignments = 0
        self._not_started: str | None = None
        self._last_poll: datetime | None = None
        self._broker = broker
        self._subscriber = broker.subscriber(
            topic.name,
            group_id=group,
            group_instance_id=instance,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset=reset,
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=45_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=60_000,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            fetch_max_wait_ms=POLL_TIMEOUT_MS,
            listener=self,
            include_in_schema=False,
        )

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions this replica has and reads now."""
        return frozenset(self._assigned - self._stopped.keys())

    @property
    def stopped(self) -> frozenset[int]:
        """The partitions here that wait for an operator."""
        return frozenset(self._stopped)

    @property
    def caught_up(self) -> bool:
        """Say whether every partition here was level with its end when last looked at."""
        return bool(self._assigned) and all(self._lag(p) == 0 for p in self._assigned)

    @property
    def level(self) -> frozenset[int]:
        """The partitions here that were level with their end when last looked at."""
        return frozenset(p for p in self._assigned if self._lag(p) == 0)

    @property
    def _consumer(self) -> Any:
        """The running consumer; FastStream makes a new one at every start."""
        return self._subscriber.consumer

    async def run(self) -> None:
        """Read until cancelled; then leave without telling the group, so that a quick restart moves nothing.

        What was applied by then is committed, so that the restart reads none of it again.
        """
        try:
            await self._start()
            while True:
                await self._step()
                # `getmany` does not yield while it has data: others must get their turn.
                await asyncio.sleep(0)
        finally:
            await self._land()
            await self._commit_last()
            await self._subscriber.stop()

    async def _start(self) -> None:
        attempt = 0
        while True:
            try:
                await started(self._join(), _BROKER_START_TIMEOUT_S)
                self._not_started = None
                return
            except (KafkaError, TimeoutError, OSError) as error:
                attempt += 1
                self._not_started = type(error).__name__
                _log.warning("Kafka or the topic is not there yet", topic=self._topic.name, error=self._not_started)
                await self._subscriber.stop()
                await self._pause_before(attempt)

    async def _join(self) -> None:
        await self._broker.connect()
        await self._subscriber.start()

    async def _step(self) -> None:
        try:
            batches = await self._polled()
        except KafkaError as error:
            _log.error("Kafka did not give records", topic=self._topic.name, error=type(error).__name__)
            await self._pause_before(1)
            return
        self._last_poll = self._clock.now()
        if batches:
            await self._apply(batches)
        self._measure()

    async def _polled(self) -> Batches:
        """Return what Kafka has; where a poll fails the positions stay, and a partition at fault is stopped."""
        assignments = self._assignments
        try:
            batches = await gather(self._consumer)
        except KafkaError:
            rewind(self._consumer, self._read_to())
            raise
        except Exception as error:
            _log.error("a record cannot be read", topic=self._topic.name, error=type(error).__name__)
            await self._stop_at_unreadable()
            return {}
        if assignments == self._assignments:
            return batches
        # Some may be of an assignment that is over: nothing says which, so all are fetched again.
        rewind(self._consumer, self._read_to())
        return {}

    async def _stop_at_unreadable(self) -> None:
        """Apply what stands before the record that the client cannot read, then stop its partition."""
        found = await find_unreadable(self._consumer, self._read_to())
        if found is None:
            return
        if found.before:
            await self._apply({found.partition: found.before})
        if found.partition in self._assigned:
            why = f"the record at offset {found.offset} cannot be read ({type(found.error).__name__})"
            await self._fault(found.partition, PermanentError(why))

    def _read_to(self) -> dict[TopicPartition, int]:
        """Return, for every partition read now, the offset after the last record that was taken in."""
        return {TopicPartition(self._topic.name, partition): self._next[partition] for partition in self.partitions}

    @abstractmethod
    async def _apply(self, batches: Batches) -> None:
        """Take in what was read."""

    async def _fault(self, partition: int, error: Exception) -> None:
        """Have the partition go no further than what was taken in."""
        await self._give_up(partition, error)

    async def _land(self) -> None:
        """Wait for what is on its way to be durable; here nothing is, between two polls."""

    def _ours(self, batches: Batches) -> Batches:
        return {partition: records for partition, records in batches.items() if partition in self.partitions}

    def _note(self, partition: int, next_offset: int, written_at: datetime) -> None:
        """Note that a partition's records are durable as far as this."""
        self._next[partition] = next_offset
        behind_s = 0.0 if self._lag(partition) == 0 else (self._clock.now() - written_at).total_seconds()
        self._metrics.lag_seconds.labels(self._topic.name, partition).set(max(0.0, behind_s))

    async def _give_up(self, partition: int, error: Exception) -> None:
        """Read the position of the partition anew where another replica was ahead, else stop it."""
        at = TopicPartition(self._topic.name, partition)
        if isinstance(error, FencedError):
            _log.warning("another replica was ahead", partition=partition, error=str(error))
            await self._take_up([at])
        else:
            self._stop_partition(at, str(error) if isinstance(error, PermanentError) else _told(error))

    async def _pause_before(self, attempt: int) -> None:
        wait = delay(attempt, first=_RETRY_FIRST, longest=_RETRY_LONGEST, chance=random.random())  # noqa: S311
        await asyncio.sleep(wait.total_seconds())

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Wait for a flush in flight, then let the partitions go."""
        gone = {at.partition for at in revoked}
        self._assigned -= gone
        async with self._lock:
            # Again: whoever had the lock may have taken one of them up anew.
            self._assigned -= gone
            await self._commit_hint()
            for partition in gone:
                self._next.pop(partition, None)
                self._stopped.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take the partitions up at their positions.

        Paused before the first await: aiokafka hands out fetched records while this callback waits. And as it goes
        on after a callback that raised, nothing may be raised here.
        """
        if assigned:
            self._consumer.pause(*assigned)
        async with self._lock:
            await self._take_up(assigned)
        self._assignments += 1

    async def _take_up(self, partitions: Collection[TopicPartition]) -> None:
        consumer = self._consumer
        attempt = 0
        while partitions:
            try:
                positions = await self._keeper.assigned([at.partition for at in partitions])
                outside = await self._outside(positions)
                break
            except (TransientError, KafkaError) as error:
                attempt += 1
                _log.warning("positions not read yet", topic=self._topic.name, attempt=attempt, error=str(error))
                await self._pause_before(attempt)
            except PermanentError as error:
                for at in partitions:
                    self._stop_partition(at, str(error))
                self._assigned |= {at.partition for at in partitions}
                return
        for at in partitions:
            self._assigned.add(at.partition)
            if at.partition in positions:
                # Also where it cannot begin: of a partition without a place the client complains at every poll.
                consumer.seek(at, positions[at.partition])
            if at.partition in outside:
                self._stop_partition(at, outside[at.partition])
                continue
            self._stopped.pop(at.partition, None)
            try:
                self._next[at.partition] = await consumer.position(at)
            except KafkaError as error:
                self._stop_partition(at, f"Kafka does not tell where it begins ({type(error).__name__})")
            else:
                consumer.resume(at)

    async def _outside(self, positions: Mapping[int, int]) -> dict[int, str]:
        """Return the partitions whose position the topic does not reach, or no longer holds, and what to do."""
        places = {TopicPartition(self._topic.name, partition): offset for partition, offset in positions.items()}
        first, end = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        return {
            at.partition: f"partition {at.partition}: offset {offset} is next, and the topic holds {first[at]} to "
            f"{end[at]}; it was made anew or lost records: have what is missing published again, then resume"
            for at, offset in places.items()
            if not first[at] <= offset <= end[at]
        }

    async def resume(self, partition: int) -> None:
        """Take a stopped partition up again at its position; nothing happens to one that is not stopped here."""
        if partition in self._stopped and partition in self._assigned:
            async with self._lock:
                await self._take_up([TopicPartition(self._topic.name, partition)])

    def _stop_partition(self, at: TopicPartition, reason: str) -> None:
        self._consumer.pause(at)
        self._stopped[at.partition] = reason
        self._metrics.stopped.labels(self._topic.name, at.partition).set(1)
        _log.error("partition stopped until someone acts", topic=at.topic, partition=at.partition, reason=reason)

    async def _commit_hint(self) -> None:
        """Commit offsets to Kafka, for tools that show lag, and as the position where the sink keeps none."""
        offsets = {TopicPartition(self._topic.name, partition): offset for partition, offset in self._next.items()}
        try:
            if offsets and self._consumer:
                await self._consumer.commit(offsets)
        except KafkaError as error:
            _log.warning("offsets not committed", topic=self._topic.name, error=type(error).__name__)

    async def _commit_last(self) -> None:
        try:
            async with asyncio.timeout(_LAST_COMMIT_S), self._lock:
                await self._commit_hint()
        except TimeoutError:
            _log.warning("offsets not committed on the way out", topic=self._topic.name)

    async def commit_regularly(self, every: timedelta) -> None:
        """Commit offsets by time, not by batch: a commit each batch would halve the rate."""
        while True:
            await asyncio.sleep(every.total_seconds())
            if self._next:
                await self._commit_hint()

    def _measure(self) -> None:
        for partition in self._assigned:
            self._metrics.lag_records.labels(self._topic.name, partition).set(self._lag(partition) or 0)
            if partition not in self._stopped:
                self._metrics.stopped.labels(self._topic.name, partition).set(0)
            if self._lag(partition) == 0:
                self._metrics.lag_seconds.labels(self._topic.name, partition).set(0)

    def _lag(self, partition: int) -> int | None:
        """Return the records still to apply; None before Kafka has told where the partition ends."""
        consumer = self._subscriber.consumer
        at = TopicPartition(self._topic.name, partition)
        end = consumer.highwater(at) if consumer and at in consumer.assignment() else None
        return None if end is None else int(max(0, end - self._next.get(partition, 0)))

    async def trouble(self) -> str | None:
        """Say why this reader is not doing its work; None when it is. A health check."""
        if self._not_started:
            why = f"Kafka is away, does not let us in or has no topic {self._topic.name}; the log says which"
            return f"{why} ({self._not_started})"
        if not self._assignments:
            return f"no partition of {self._topic.name} assigned yet"
        if self._last_poll is None or self._clock.now() - self._last_poll > _SILENT_POLL:
            return f"Kafka was last polled for {self._topic.name} at {self._last_poll}"
        if self._stopped:
            partition, reason = next(iter(self._stopped.items()))
            return f"partition {partition} of {self._topic.name} is stopped: {reason}"
        return None


class PartitionReader(TopicReader):
    """Feeds a sink that makes records durable at once."""

    def __init__(
        self, broker: KafkaBroker, topic: Topic, group: str, instance: str, sink: Sink, clock: Clock, metrics: Metrics,
        *, reset: Literal["earliest", "none"],
    ) -> None:  # fmt: skip
        super().__init__(broker, topic, group, instance, sink, clock, metrics, reset=reset)
        self._sink = sink

    async def _apply(self, batches: Batches) -> None:
        """Give the records to the sink until it has taken them, or the partitions are no longer ours."""
        attempt = 0
        while batches := self._ours(batches):
            async with self._lock:
                batches = self._ours(batches)
                try:
                    with tracing.span("apply", traceparent_of(batches)):
                        await self._sink.apply(batches)
                    for partition, records in batches.items():
                        self._note(partition, records[-1].offset + 1, written_at(records[-1]))
                    return
                except TransientError as error:
                    attempt += 1
                    self._metrics.retries.labels(self._topic.name).inc()
                    _log.warning("applying again", topic=self._topic.name, attempt=attempt, error=str(error))
                except Exception as error:
                    # A defect must not end the process: at the same record it would end again, for ever.
                    if len(batches) <= 1:
                        for partition in batches:
                            await self._give_up(partition, error)
                        return
                    attempt = 0
            if attempt == 0:
                for partition, records in batches.items():
                    await self._apply({partition: records})
                return
            await self._pause_before(attempt)


def written_at(record: ConsumerRecord) -> datetime:
    """Return when the record was written."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def _told(defect: Exception) -> str:
    """Return what a defect is and where; not its own words, which may quote a record."""
    *_, (frame, line) = traceback.walk_tb(defect.__traceback__)
    return f"a defect of ours: {type(defect).__name__} at {Path(frame.f_code.co_filename).name}:{line}"


def traceparent_of(batches: Batches) -> str | None:
    """Return the trace of the last record of the first partition: one of those that go on together."""
    last = next(iter(batches.values()))[-1] if batches else None
    value = dict(last.headers).get("traceparent") if last else None
    return value.decode("ascii", "replace") if value else None
