"""The topic of changes as a log, read apart from the consumer group: to resume, to prove counters, to rebuild them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.coverage.counting.change_log import LogPart
from services.coverage.counting.kafka.decoder import ChangeDecoder
from shared.adapters.kafka_access import KafkaAccess, started, stopped
from shared.adapters.kafka_poll import ANSWER_BYTES, FETCH_BYTES
from shared.runtime.errors import TransientError

_ANSWERS_WITHIN_S: Final = 10.0
_POLL_MS: Final = 200
_MAX_RECORDS: Final = 500
"""Of all partitions together: some 8 ms of decoding, in which whatever else this process does waits."""


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
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=ANSWER_BYTES,
            auto_offset_reset="none",
        )
        try:
            tail = KafkaTail(consumer, self._topic, self._decoder)
            with _translating(self._topic):
                await started(consumer.start(), _ANSWERS_WITHIN_S)
                await tail.seek(offsets)
            yield tail
        finally:
            await stopped(consumer.stop(), over_tls=self._access.tls is not None)


class KafkaTail:
    """What follows in partitions of the topic."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, decoder: ChangeDecoder) -> None:
        self.starts: dict[int, int] = {}
        self._consumer = consumer
        self._topic = topic
        self._decoder = decoder

    async def seek(self, offsets: Mapping[int, int]) -> None:
        """Begin at these offsets; where the topic does not hold one, at its first record."""
        places = self._places(offsets)
        self._consumer.assign(places)
        first, end = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        for at in places:
            offset = offsets[at.partition]
            self.starts[at.partition] = offset if first[at] <= offset <= end[at] else first[at]
            self._consumer.seek(at, self.starts[at.partition])

    async def read(self, partitions: Collection[int]) -> dict[int, LogPart]:
        """See the port."""
        places = self._places(partitions)
        with _translating(self._topic):
            while True:
                found = await self._consumer.getmany(*places, timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
                if found or await self._at_end(places):
                    return {at.partition: self._decoder.part(records, at.partition)[0] for at, records in found.items()}

    def _places(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    async def _at_end(self, places: Sequence[TopicPartition]) -> bool:
        """Say whether there is no more now; a poll that brought nothing may only have been too short."""
        ends = await self._consumer.end_offsets(places)
        return all([await self._consumer.position(at) >= ends[at] for at in places])


@contextmanager
def _translating(topic: str) -> Iterator[None]:
    try:
        yield
    except (KafkaError, TimeoutError, OSError) as error:
        raise TransientError(f"Kafka does not give {topic} ({type(error).__name__}); is it up?") from error
