"""The limit of a replay: a consumer that reads the same records and discards them."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.settings import StackConfig
from shared.contracts import topics

_MAX_RECORDS: Final = 500
_FETCH_BYTES: Final = 2 * 1024 * 1024
"""Both as coverage's reader has them."""


async def discarded(config: StackConfig, count: int) -> float:
    """Return how many records a second a bare `getmany` loop reads of the topic of changes, which holds so many."""
    topic = topics.CHANGES.under(config.namespace)
    consumer = AIOKafkaConsumer(**config.kafka.client_options(), max_partition_fetch_bytes=_FETCH_BYTES)
    await consumer.start()
    try:
        places = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        began, left = perf_counter(), count
        while left > 0:
            left -= sum(map(len, (await consumer.getmany(timeout_ms=200, max_records=_MAX_RECORDS)).values()))
        return count / (perf_counter() - began)
    finally:
        await consumer.stop()
