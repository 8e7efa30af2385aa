"""The relay itself, on a backlog, with nothing else to do."""

from __future__ import annotations

from datetime import datetime
from time import perf_counter

from benchmarks.registry.bare import fill_outbox
from deploy.local.settings import StackConfig
from services.registry.intake.mongo.store import MongoStore
from services.registry.ports import Backlog
from services.registry.relay.kafka import KafkaChangeTopic
from services.registry.relay.mongo import MongoOutbox
from services.registry.relay.relay import Relay
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.runtime.clock import SystemClock


class _Count:
    """Counts what was published."""

    def __init__(self) -> None:
        self.changes = 0

    def published(self, changes: int, _seconds: float) -> None:
        """See the port."""
        self.changes += changes

    def backlog(self, _backlog: Backlog, _now: datetime) -> None:
        """See the port."""

    def leads(self, _partitions: int) -> None:
        """See the port."""


async def drained(mongo: Mongo, config: StackConfig, changes: int) -> float:
    """Return how many changes a second go from a backlog of so many to a topic, numbered and marked."""
    topic = topics.CHANGES.under(f"{config.namespace}backlog.")
    await ensure_topics(config.kafka, [topic])
    outbox = MongoOutbox(mongo)
    await MongoStore(mongo).prepare()
    await outbox.prepare()
    await fill_outbox(mongo, changes)
    producer, count = Producer(config.kafka, "benchmark"), _Count()
    relay = Relay(outbox, KafkaChangeTopic(producer, topic.name), "benchmark", SystemClock(), count)
    try:
        began = perf_counter()
        await relay.lead()
        while await relay.round():
            await relay.lead()
        assert count.changes == changes
        return changes / (perf_counter() - began)
    finally:
        await producer.stop()
