"""The whole topic of changes, read from its start apart from the consumer group: to prove counters, or rebuild them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.kafka.decoder import ChangeDecoder, Unusable
from services.coverage.proof.ports import Part
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_reader import written_at
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

    async def changes(self, partition: int) -> AsyncGenerator[Sequence[CountedChange]]:
        """See the port."""
        async with self.opened({partition: 0}) as tail:
            while True:
                part = (await tail.read([partition])).get(partition)
                if part is None or part.changes:
                    yield part.changes if part else ()

    @asynccontextmanager
    async def opened(self, offsets: Mapping[int, int]) -> AsyncIterator[KafkaTail]:
        """Give the topic to be read from these offsets on, or from the first that is still there."""
        consumer = AIOKafkaConsumer(
            **self._access.client_options(),
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES,
            auto_offset_reset="none",
        )
        with _translating(self._access):
            await started(consumer.start(), _ANSWERS_WITHIN_S)
        try:
            places = {TopicPartition(self._topic, partition): offset for partition, offset in offsets.items()}
            with _translating(self._access):
                consumer.assign(list(places))
                begins = await consumer.beginning_offsets(list(places))
                for at, offset in places.items():
                    consumer.seek(at, max(offset, begins[at]))
            yield KafkaTail(consumer, self._topic, self._decoder, self._access)
        finally:
            await consumer.stop()


class KafkaTail:
    """What follows in partitions of the topic."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, decoder: ChangeDecoder, access: KafkaAccess) -> None:
        self._consumer = consumer
        self._topic = topic
        self._decoder = decoder
        self._access = access

    async def read(self, partitions: Collection[int]) -> dict[int, Part]:
        """See the port."""
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        with _translating(self._access):
            while True:
                found = await self._consumer.getmany(*places, timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
                if found or await self._at_end(places):
                    return {at.partition: self._part(at.partition, records) for at, records in found.items()}

    async def _at_end(self, places: Sequence[TopicPartition]) -> bool:
        """Say whether there is no more now; a poll that brought nothing may only have been too short."""
        ends = await self._consumer.end_offsets(list(places))
        return all([await self._consumer.position(at) >= ends[at] for at in places])

    def _part(self, partition: int, records: Sequence[ConsumerRecord]) -> Part:
        changes = list(self._readable(partition, records))
        return Part(changes, records[0].offset, records[-1].offset + 1, written_at(records[-1]))

    def _readable(self, partition: int, records: Sequence[ConsumerRecord]) -> Iterator[CountedChange]:
        for record in records:
            try:
                yield self._decoder.decode(record.value, partition)
            except Unusable:
                # Set aside when it was counted past; it takes no number.
                continue


@contextmanager
def _translating(access: KafkaAccess) -> Iterator[None]:
    try:
        yield
    except (KafkaError, TimeoutError, OSError) as error:
        raise TransientError(f"Kafka at {access} does not give the changes ({type(error).__name__})") from error
