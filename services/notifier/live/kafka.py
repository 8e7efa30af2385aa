"""The topic of snapshots as the evaluator reads it: all partitions, from offsets of its own, without a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.notifier.engine.events import SnapshotRead
from services.notifier.files.entries import IsRegion
from services.notifier.files.snapshots import decode
from services.notifier.live.given import Record
from services.notifier.live.metrics import LiveMetrics
from shared.adapters.dead_letters import DeadLetters, UnusableRecord
from shared.adapters.kafka_access import KafkaAccess, started, stopped
from shared.adapters.kafka_batches import traceparent_of
from shared.adapters.kafka_poll import find_unreadable, rewind
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

_MOST: Final = 2_000
"""Records a poll; more would keep the loop from others."""
_START_WITHIN_S: Final = 30
_FETCH_BYTES: Final = 256 * 1024
"""What is read ahead of a partition: a poll then has records of all, and few wait for another partition's time."""
_LOG_APPEND_TIME: Final = 1
"""Kafka's number for a timestamp that the broker gave."""

Read = tuple[int, int, Record]
"""The instant at which Kafka wrote a record, its offset, and what it holds."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What was read, by partition, and the partitions of which everything was read that was there before the poll."""

    read: Mapping[int, Sequence[Read]]
    at_end: frozenset[int]
    lag: Mapping[int, int]


class SnapshotTopic:
    """Reads the topic while it is open."""

    def __init__(
        self, access: KafkaAccess, topic: str, group: str, instance: str, dead_letters: DeadLetters,
        is_region: IsRegion, metrics: LiveMetrics,
    ) -> None:  # fmt: skip
        """`group`: under this name offsets are committed, for those who watch the lag."""
        self._topic = topic
        self._group = group
        self._over_tls = access.tls is not None
        self._options = access.client_options() | {"client_id": instance}
        self._dead_letters = dead_letters
        self._is_region = is_region
        self._metrics = metrics
        self._consumer: AIOKafkaConsumer | None = None
        self._read_to: dict[TopicPartition, int] = {}
        self._told_of_timestamps = False

    async def open(self, positions: Mapping[int, int]) -> None:
        """Read from these offsets on.

        Raises: TransientError when Kafka does not answer; PermanentError when the topic no longer holds an offset.
        """
        await self.close()
        consumer = AIOKafkaConsumer(
            **self._options, group_id=self._group, enable_auto_commit=False, auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES, fetch_max_wait_ms=200,
        )  # fmt: skip
        self._consumer = consumer
        try:
            await started(consumer.start(), _START_WITHIN_S)
            places = [TopicPartition(self._topic, partition) for partition in range(PARTITIONS)]
            consumer.assign(places)
            first, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        except (KafkaError, TimeoutError, OSError) as error:
            raise TransientError(f"Kafka or topic {self._topic} is not there ({type(error).__name__})") from error
        self._read_to = {at: positions[at.partition] or first[at] for at in places}
        for at, offset in self._read_to.items():
            if not first[at] <= offset <= ends[at]:
                raise PermanentError(
                    f"partition {at.partition} of {self._topic}: offset {offset} is next, and the topic holds "
                    f"{first[at]} to {ends[at]}; docs/runbooks/PartitionStopped.md says what to do"
                )
            consumer.seek(at, offset)

    async def close(self) -> None:
        """Stop reading."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await stopped(consumer.stop(), over_tls=self._over_tls)

    async def poll(self, wait_ms: int, is_full: Callable[[int], bool]) -> Polled:
        """Return what Kafka has; where it has nothing, wait so long. Of full partitions nothing is read.

        Records that are no snapshots are set aside. Raises: TransientError when Kafka does not answer.
        """
        consumer = self._consumer
        assert consumer is not None, "the topic is open"
        wanted = [at for at in self._read_to if not is_full(at.partition)]
        try:
            ends = await consumer.end_offsets(list(self._read_to))
            try:
                polled = await consumer.getmany(*wanted, timeout_ms=wait_ms, max_records=_MOST) if wanted else {}
            except KafkaError:
                rewind(consumer, self._read_to)
                raise
            except Exception as error:
                _log.error("a record cannot be read", topic=self._topic, error=type(error).__name__)
                polled = await self._up_to_unreadable(consumer)
        except (KafkaError, TimeoutError, OSError) as error:
            raise TransientError(f"Kafka does not give {self._topic} ({type(error).__name__})") from error
        read = {at.partition: [await self._read(record) for record in records] for at, records in polled.items()}
        for at, records in polled.items():
            self._read_to[at] = records[-1].offset + 1
            self._tell_of_timestamps(records[-1])
        # A compacted topic ends in offsets without a record: the client's own position has passed them.
        reached = {at: max(self._read_to[at], await consumer.position(at)) for at in self._read_to}
        lag = {at.partition: max(0, ends[at] - offset) for at, offset in reached.items()}
        return Polled(read, frozenset(partition for partition, records in lag.items() if not records), lag)

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Tell Kafka the offsets, as a hint. Raises: TransientError."""
        if self._consumer is not None and positions:
            try:
                await self._consumer.commit({TopicPartition(self._topic, at): to for at, to in positions.items()})
            except (KafkaError, TimeoutError) as error:
                raise TransientError(f"Kafka does not take offsets ({type(error).__name__})") from error

    async def _up_to_unreadable(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Return the records before the one that the client cannot read, and an empty one in its place."""
        found = await find_unreadable(consumer, self._read_to)
        if found is None:
            return {}
        at = TopicPartition(self._topic, found.partition)
        timestamp = found.before[-1].timestamp if found.before else 0
        empty = ConsumerRecord(
            self._topic, found.partition, found.offset, timestamp, _LOG_APPEND_TIME, None, b"", None, -1, 0, ()
        )
        consumer.seek(at, found.offset + 1)
        return {at: [*found.before, empty]}

    async def _read(self, record: ConsumerRecord) -> Read:
        snapshot = None
        try:
            snapshot = decode(record.key, record.value, self._is_region)
        except UnusableRecord as error:
            if await self._dead_letters.put(record, error):
                self._metrics.record("dead")
        event = None if snapshot is None else SnapshotRead(snapshot)
        return record.timestamp, record.offset, Record(event, traceparent_of(record) or "")

    def _tell_of_timestamps(self, record: ConsumerRecord) -> None:
        """Warn once where records carry their producer's time: what was written before an instant is then not exact."""
        if record.timestamp_type != _LOG_APPEND_TIME and not self._told_of_timestamps:
            self._told_of_timestamps = True
            _log.warning("set message.timestamp.type=LogAppendTime: the order of time is not exact", topic=self._topic)
