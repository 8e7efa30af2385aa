"""Publishes snapshots on coverage.updated.v1, keyed by region."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.adapters.kafka_producer import Producer, Record, partition_for
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS


async def publish(producer: Producer, topic: str, snapshots: Sequence[Snapshot], traceparent: str) -> None:
    """Return once all snapshots are acknowledged. Raises: TransientError."""
    headers = (("traceparent", traceparent.encode()),)
    records = [
        Record(partition_for(one.region, PARTITIONS), one.region.encode(), msgspec.json.encode(one), headers)
        for one in snapshots
    ]
    await producer.publish(topic, records)
