"""Publishes changes on enrollment.changed.v1, each in the partition of its regency."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.registry.relay.ports import Batch, numbered
from shared.adapters.kafka_access import KafkaAccess, started, stopped
from shared.adapters.kafka_producer import Producer, Record
from shared.contracts.changes import Change
from shared.runtime.errors import TransientError

_ANSWERS_WITHIN_S: Final = 10.0


class KafkaChangeTopic:
    """The topic of the relay."""

    def __init__(self, access: KafkaAccess, producer: Producer, topic: str) -> None:
        self._access = access
        self._producer = producer
        self._topic = topic

    async def publish(self, batches: Sequence[Batch]) -> None:
        await self._producer.publish(self._topic, [record for batch in batches for record in _records(batch)])

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        found = await last_records(self._access, self._topic, partitions)
        return {partition: 0 if record is None else _seq(record) + 1 for partition, record in found.items()}


async def last_records(
    access: KafkaAccess, topic: str, partitions: Collection[int]
) -> dict[int, ConsumerRecord | None]:
    """Return the last record of each partition; None where it is empty. Raises: TransientError."""
    consumer = AIOKafkaConsumer(**access.client_options(), enable_auto_commit=False)
    try:
        await started(consumer.start(), _ANSWERS_WITHIN_S)
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            places = [TopicPartition(topic, partition) for partition in partitions]
            consumer.assign(places)
            begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
            last: dict[int, ConsumerRecord | None] = dict.fromkeys(partitions)
            for place in places:
                if ends[place] > begins[place]:
                    consumer.seek(place, ends[place] - 1)
                    last[place.partition] = await consumer.getone(place)
            return last
    except (KafkaError, TimeoutError, OSError) as error:
        raise TransientError(f"Kafka at {access} does not answer ({type(error).__name__})") from error
    finally:
        await stopped(consumer.stop(), over_tls=access.tls is not None)


def _seq(record: ConsumerRecord) -> int:
    """Return the number of a change; −1 of what is none, since nobody counts it."""
    try:
        return msgspec.json.decode(record.value, type=Change).seq
    except (msgspec.MsgspecError, TypeError):
        return -1


def _records(batch: Batch) -> Iterator[Record]:
    rows = zip(batch.keys, batch.changes, batch.traceparents, strict=True)
    for seq, (key, change, traceparent) in enumerate(rows, batch.first_seq):
        value = numbered(seq, change).encode()
        yield Record(batch.partition, key.encode(), value, (("traceparent", traceparent.encode()),))
