"""The Kafka entrance of a registry of a test's own: hands to write facts, and to read what comes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from services.registry.settings import RegistrySettings
from shared.adapters.kafka_access import KafkaAccess
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.contracts.rejections import Rejection
from tests.integration.registry.serving import PARTITION
from tests.records import Header

Sent = tuple[bytes | None, Sequence[Header]]


@dataclass
class FactsTopic:
    """The topic of facts, and those written by who reads it."""

    access: KafkaAccess
    namespace: str
    producer: AIOKafkaProducer

    async def put(self, *sent: bytes | Sent | None, partition: int = 0) -> None:
        """Write records in order, values alone or with headers; return once all are acknowledged."""
        for one in sent:
            value, headers = one if isinstance(one, tuple) else (one, ())
            await self.producer.send_and_wait(
                self._name(topics.FACTS), value, key=b"any", partition=partition, headers=headers
            )

    async def rejected(self, count: int) -> list[ConsumerRecord]:
        """Return the first `count` records of the rejected topic."""
        return await self._read(topics.FACTS_REJECTED, 0, count)

    async def told(self, count: int) -> list[Rejection]:
        """Return what the first `count` of them say."""
        return [msgspec.json.decode(record.value, type=Rejection) for record in await self.rejected(count)]

    async def published(self, count: int) -> list[Change]:
        """Return the first `count` changes in the partition of the factory's village."""
        records = await self._read(topics.CHANGES, PARTITION, count)
        return [msgspec.json.decode(record.value, type=Change) for record in records]

    async def _read(self, topic: topics.Topic, partition: int, count: int) -> list[ConsumerRecord]:
        at = TopicPartition(self._name(topic), partition)
        consumer = AIOKafkaConsumer(**self.access.client_options(), enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([at])
            await consumer.seek_to_beginning(at)
            return [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()

    def _name(self, topic: topics.Topic) -> str:
        return topic.under(self.namespace).name


@asynccontextmanager
async def facts_topic(settings: RegistrySettings) -> AsyncIterator[FactsTopic]:
    """Yield the topics of the registry with these settings."""
    producer = AIOKafkaProducer(**settings.kafka.client_options(), acks="all")
    await producer.start()
    try:
        yield FactsTopic(settings.kafka, settings.namespace, producer)
    finally:
        await producer.stop()
