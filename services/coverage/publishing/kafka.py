"""Publishes snapshots on coverage.updated.v1, keyed by region."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.adapters.kafka_producer import Producer, Record, partition_for
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS


class KafkaSnapshotTopic:
    """The topic of the publisher."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def publish(self, snapshots: Sequence[Snapshot], traceparent: str) -> None:
        """Return once all are acknowledged. Raises: TransientError."""
        headers = (("traceparent", traceparent.encode()),)
        await self._producer.publish(self._topic, [_record(snapshot, headers) for snapshot in snapshots])


def _record(snapshot: Snapshot, headers: tuple[tuple[str, bytes], ...]) -> Record:
    partition = partition_for(snapshot.region, PARTITIONS)
    return Record(partition, snapshot.region.encode(), msgspec.json.encode(snapshot), headers)
