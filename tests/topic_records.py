"""All records of a topic, as they lie there."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import PARTITIONS


@dataclass(frozen=True, slots=True)
class Kept:
    """A record without its place and time."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


async def read_topic(bootstrap: str, topic: str) -> dict[int, list[Kept]]:
    """Return the records of each partition, in order, up to its present end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        kept: dict[int, list[Kept]] = {place.partition: [] for place in places}
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=200, max_records=5000)).items():
                kept[place.partition] += [Kept(record.key, record.value, tuple(record.headers)) for record in records]
        return kept
    finally:
        await consumer.stop()
