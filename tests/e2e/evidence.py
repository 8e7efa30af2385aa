"""Everything a stack has written, said and kept, as bytes to search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import bson
import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import AsyncMongoClient

from shared.contracts import topics
from tests.e2e.world import World


async def evidence(world: World) -> dict[str, bytes]:
    """Return each piece by the place it was found in."""
    found = {f"log of {name}": text.encode() for name, text in world.logs().items()}
    found |= {f"mail {file.stem}": file.read_bytes() for file in world.config.home.mailbox.glob("*.eml")}
    found |= {f"metrics of {name}": text async for name, text in _metrics(world)}
    # Facts themselves hold identities, and are the sender's: their topic is kept apart and for a week only.
    facts = topics.FACTS.under(world.config.namespace).name
    found |= {place: text async for place, text in _records(world) if not place.startswith(f"{facts}/")}
    found |= {place: text async for place, text in _documents(world)}
    return found


async def _metrics(world: World) -> AsyncIterator[tuple[str, bytes]]:
    async with httpx.AsyncClient(timeout=30) as http:
        for name in ("registry", "coverage", "notifier"):
            yield name, (await http.get(f"{world.config.operators_url(name)}/metrics")).content


async def _records(world: World) -> AsyncIterator[tuple[str, bytes]]:
    """Yield every record of every topic: key, value and headers."""
    config = world.config
    consumer = AIOKafkaConsumer(bootstrap_servers=config.kafka.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        topics = [found async for found in _topics(config.kafka.bootstrap, config.namespace)]
        partitions = [TopicPartition(topic, number) for topic, count in topics for number in range(count)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition, first in (await consumer.beginning_offsets(partitions)).items():
            consumer.seek(partition, first)
        while [partition for partition in partitions if await consumer.position(partition) < ends[partition]]:
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    yield f"{partition.topic}/{partition.partition}/{record.offset}", _text(record)
    finally:
        await consumer.stop()


def _text(record: ConsumerRecord) -> bytes:
    parts = [record.key, record.value, *(part for header in record.headers for part in header)]
    return b"\n".join(part.encode() if isinstance(part, str) else part or b"" for part in parts)


async def _topics(bootstrap: str, namespace: str) -> AsyncIterator[tuple[str, int]]:
    """Yield each topic of the stack, whoever made it, with the number of its partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith(namespace)]
        for topic in await admin.describe_topics(names):
            yield topic["topic"], len(topic["partitions"])
    finally:
        await admin.close()


async def _documents(world: World) -> AsyncIterator[tuple[str, bytes]]:
    """Yield every document of the stack's databases, as it is kept and as it reads."""
    config = world.config
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(world.mongodb_uri)
    prefix = config.namespace.replace(".", "_")
    try:
        for database in await client.list_database_names():
            if database.startswith(prefix):
                for collection in await client[database].list_collection_names():
                    async for document in client[database][collection].find():
                        place = f"{database}.{collection} {document.get('_id')!r}"
                        yield place, bson.encode(document) + repr(document).encode()
    finally:
        await client.close()
