"""Publishes changes on enrollment.changed.v1, each in the partition of its regency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.registry.relay.ports import Batch, numbered
from shared.adapters.kafka_producer import Producer, Record


class KafkaChangeTopic:
    """The topic of the relay."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def publish(self, batches: Sequence[Batch]) -> None:
        await self._producer.publish(self._topic, [record for batch in batches for record in _records(batch)])


def _records(batch: Batch) -> Iterator[Record]:
    rows = zip(batch.keys, batch.changes, batch.traceparents, strict=True)
    for seq, (key, change, traceparent) in enumerate(rows, batch.first_seq):
        value = numbered(seq, change).encode()
        yield Record(batch.partition, key.encode(), value, (("traceparent", traceparent.encode()),))
