"""The topic of changes as a log, read apart from the consumer group: to resume, to prove counters, to rebuild them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.coverage.counting.change_log import LogPart
from services.coverage.counting.kafka.decoder import ChangeDecoder
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_start import started
from shared.runtime.errors import TransientError

_ANSWERS_WITHIN_S: Final = 10.0
_POLL_MS: Final = 200
_MAX_RECORDS: Final = 2_000
"""Of all partitions together: some 30 ms of decoding, in which whatever else this process does waits."""
_FETCH_BYTES: Final = 2 * 1024 * 1024


class KafkaChangeLog:
    """The topic as a log of changes."""

    name: Final = "the topic"

    def __init__(self, access: KafkaAccess, topic: str, decoder: ChangeDecoder) -> None:
        self._access = access
        self._topic = topic
        self._decoder = decoder

    @asynccontextmanager
    async def opened(self, offsets: Mapping[int, int]) -> AsyncIterator[KafkaTail]:
        """See the port."""
        consumer = AIOKafkaConsumer(
            **self._access.client_options(),
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES,
            auto_offset_reset="none",
        )
        with self._translating():
            await started(consumer.start(), _ANSWERS_WITHIN_S)
        try:
            with self._translating():
                starts = await self._seek(consumer, offsets)
            yield KafkaTail(self, consumer, starts)
        finally:
            await consumer.stop()

    async def _seek(self, consumer: AIOKafkaConsumer, offsets: Mapping[int, int]) -> dict[int, int]:
        places = {self.place(partition): offset for partition, offset in offsets.items()}
        consumer.assign(list(places))
        first, end = await consumer.beginning_offsets(list(places)), await consumer.end_offsets(list(places))
        starts = {at: offset if first[at] <= offset <= end[at] else first[at] for at, offset in places.items()}
        for at, offset in starts.items():
            consumer.seek(at, offset)
        return {at.partition: offset for at, offset in starts.items()}

    async def read(self, consumer: AIOKafkaConsumer, partitions: Collection[int]) -> dict[int, LogPart]:
        """Return what the consumer has next of these partitions; empty at their end."""
        places = [self.place(partition) for partition in partitions]
        with self._translating():
            while True:
                found = await consumer.getmany(*places, timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
                if found or await _at_end(consumer, places):
                    return {at.partition: self._decoder.part(records, at.partition)[0] for at, records in found.items()}

    def place(self, partition: int) -> TopicPartition:
        """Return the partition of the topic as aiokafka names it."""
        return TopicPartition(self._topic, partition)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, TimeoutError, OSError) as error:
            raise TransientError(
                f"Kafka at {self._access} does not give {self._topic} ({type(error).__name__}); is it up?"
            ) from error


class KafkaTail:
    """What follows in partitions of the topic."""

    def __init__(self, log: KafkaChangeLog, consumer: AIOKafkaConsumer, starts: Mapping[int, int]) -> None:
        self.starts = starts
        self._log = log
        self._consumer = consumer

    async def read(self, partitions: Collection[int]) -> dict[int, LogPart]:
        """See the port."""
        return await self._log.read(self._consumer, partitions)


async def _at_end(consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> bool:
    """Say whether there is no more now; a poll that brought nothing may only have been too short."""
    ends = await consumer.end_offsets(list(places))
    return all([await consumer.position(at) >= ends[at] for at in places])
