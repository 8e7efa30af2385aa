"""A registry of a test's own, on the real servers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.registry.settings import RegistrySettings
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import partition_for
from shared.contracts import topics
from shared.contracts.changes import Change
from tests.factories_registry import VILLAGE
from tests.tokens import AUDIENCE, ISSUER, Issuer

CLOUDEVENT = {"content-type": "application/cloudevents+json"}
PARTITION = partition_for(VILLAGE[:5], topics.PARTITIONS)


async def settings_in(
    folder: Path, issuer: Issuer, kafka_bootstrap: str, mongodb_uri: str, namespace: str
) -> RegistrySettings:
    """Return the settings of a registry whose files are in this folder."""
    secret = folder / "identity.key"
    secret.write_text("5e" * 32)
    return RegistrySettings(
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace=namespace,
        jwks=await issuer.write_keys(folder / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
        instance="registry-0",
        identity_key_file=secret,
    )


async def make_topics(settings: RegistrySettings) -> None:
    """Make the topics that a registry reads and writes; facts in one partition, which is sooner made than twelve."""
    wanted = (replace(topics.FACTS, partitions=1), topics.FACTS_REJECTED, topics.CHANGES)
    await ensure_topics(settings.kafka, [topic.under(settings.namespace) for topic in wanted])


@dataclass
class Registry:
    """A served registry and how to call it."""

    http: httpx.AsyncClient
    token: str
    topic: str
    bootstrap: str

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Post a fact with the usual token."""
        usual = CLOUDEVENT | {"authorization": f"Bearer {self.token}"}
        return await self.http.post("/v1/facts", content=body, headers=usual | headers)

    async def bulk(self, body: str | bytes, media_type: str, **headers: str) -> httpx.Response:
        """Post many facts with the usual token."""
        usual = {"content-type": media_type, "authorization": f"Bearer {self.token}"}
        return await self.http.post("/v1/facts/bulk", content=body, headers=usual | headers)

    async def published(self, count: int, partition: int = PARTITION) -> list[Change]:
        """Return the first `count` changes in the partition; that of the factory's village if none is named."""
        at = TopicPartition(self.topic, partition)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([at])
            await consumer.seek_to_beginning(at)
            records = [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()
        return [msgspec.json.decode(record.value, type=Change) for record in records]
