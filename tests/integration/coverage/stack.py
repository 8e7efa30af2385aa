"""One coverage replica or more on real Kafka and MongoDB, and hands to feed and read their topics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from fastapi import FastAPI

from services.coverage.app import build
from services.coverage.settings import CoverageSettings
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer, Record
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import regency_of
from shared.runtime.clock import Clock, SystemClock
from tests.factories_coverage import RECORDED_AT, partition, value
from tests.fakes import ClockFrom
from tests.serving import OPERATORS, served
from tests.tokens import AUDIENCE, ISSUER, Issuer
from tests.waiting import eventually


@dataclass
class Stack:
    """The servers, a token issuer, and what is this test's own on them."""

    kafka: str
    mongodb: str
    namespace: str
    jwks: str
    issuer: Issuer
    producer: Producer = field(init=False)
    clock: Clock = field(default_factory=lambda: ClockFrom(RECORDED_AT + timedelta(hours=1)))

    def __post_init__(self) -> None:
        self.producer = Producer(KafkaAccess(self.kafka), client_id=f"{self.namespace}test")

    def settings(self, instance: str = "coverage-0") -> CoverageSettings:
        """Return the settings of a replica."""
        return CoverageSettings(
            kafka_bootstrap=self.kafka,
            mongodb_uri=self.mongodb,
            namespace=self.namespace,
            jwks=self.jwks,
            token_issuer=ISSUER,
            token_audience=AUDIENCE,
            instance=instance,
        )

    def api(self, instance: str = "coverage-0") -> FastAPI:
        """Return a replica's application, by this stack's clock."""
        return build(self.settings(instance), clock=self.clock)

    def headers(self, scope: str = "coverage:read reference:write") -> dict[str, str]:
        """Return the header of a caller with the scope."""
        return {"authorization": f"Bearer {self.issuer.token(scope=scope)}"}

    @asynccontextmanager
    async def replica(self, instance: str = "coverage-0") -> AsyncIterator[Replica]:
        """Run a replica, ready to work, for the block."""
        async with self.started(instance) as replica:
            await eventually(replica.is_ready)
            yield replica

    @asynccontextmanager
    async def started(self, instance: str = "coverage-0") -> AsyncIterator[Replica]:
        """Run a replica for the block, which may not come to be ready."""
        async with served(self.api(instance)) as http:
            yield Replica(http, self.headers())

    async def make_anew(self, topic: topics.Topic) -> None:
        """Delete the topic with its records and make it again."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            await admin.delete_topics([topic.under(self.namespace).name])

            async def gone() -> bool:
                return topic.under(self.namespace).name not in await admin.list_topics()

            await eventually(gone)
        finally:
            await admin.close()
        await ensure_topics(KafkaAccess(self.kafka), [topic.under(self.namespace)])

    async def publish(self, changes: Sequence[Change]) -> None:
        """Put changes on the topic as the registry does."""
        await self.put([(_place(change), value(change)) for change in changes])

    async def put(self, values: Sequence[tuple[str, bytes | None]]) -> None:
        """Put records on the topic, each in the partition of a region."""
        name = topics.CHANGES.under(self.namespace).name
        records = [Record(partition(region), regency_of(region).encode(), record) for region, record in values]
        await self.producer.publish(name, records)

    async def read(self, topic: topics.Topic) -> list[ConsumerRecord]:
        """Return every record of a topic that is there now, in order within each partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            parts = [TopicPartition(topic.under(self.namespace).name, p) for p in range(topic.partitions)]
            ends = await consumer.end_offsets(parts)
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            records: list[ConsumerRecord] = []
            while any([await consumer.position(part) < ends[part] for part in parts]):
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    records += batch
        finally:
            await consumer.stop()
        return records

    async def snapshots(self, region: str) -> list[Snapshot]:
        """Return the snapshots of a region, oldest first."""
        records = await self.read(topics.SNAPSHOTS)
        return [msgspec.json.decode(r.value, type=Snapshot) for r in records if r.key == region.encode()]


def _place(change: Change) -> str:
    state = change.after or change.before
    assert state is not None
    return state.region


@dataclass
class Replica:
    """A running replica and how to call it."""

    http: httpx.AsyncClient
    headers: dict[str, str]

    async def is_ready(self) -> bool:
        """Say whether it says that it can do its work."""
        return (await self.http.get("/health/ready")).status_code == 200

    async def region(self, code: str) -> dict[str, Any]:
        """Return a region as an official sees it."""
        response = await self.http.get(f"/v1/regions/{code}", headers=self.headers)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def counts(self, code: str, registered: int) -> bool:
        """Say whether the region has come to so many registered people."""
        return bool((await self.region(code))["registered"] == registered)

    async def shows(self, sample: str, value: float) -> bool:
        """Say whether the metrics have come to show this value of a sample."""
        return await self.metric(sample) == value

    async def metric(self, sample: str) -> float:
        """Return the value of a sample named as in the exposition, 0 where it is absent."""
        lines = (await self.http.get(f"http://{OPERATORS}/metrics")).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample + " ")), 0.0)


async def prepared(kafka: str, mongodb: str, namespace: str, directory: Path) -> Stack:
    """Return the stack with its topics made and the issuer's keys written."""
    issuer = Issuer(SystemClock())
    jwks = await issuer.write_keys(directory / "jwks.json")
    await ensure_topics(KafkaAccess(kafka), [topic.under(namespace) for topic in topics.ALL])
    return Stack(kafka, mongodb, namespace, jwks, issuer)
