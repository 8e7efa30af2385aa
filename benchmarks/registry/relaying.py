"""The relay itself, on a backlog, with nothing else to do."""

from __future__ import annotations

from time import perf_counter

from prometheus_client import CollectorRegistry

from benchmarks.registry.bare import fill_outbox
from deploy.local.settings import StackConfig
from services.registry.intake.mongo.store import MongoStore
from services.registry.relay.kafka import KafkaChangeTopic
from services.registry.relay.metrics import RelayMetrics
from services.registry.relay.mongo import MongoOutbox
from services.registry.relay.relay import Relay
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.runtime.clock import SystemClock


async def drained(mongo: Mongo, config: StackConfig, changes: int) -> float:
    """Return how many changes a second go from a backlog of so many to a topic, numbered and marked."""
    topic = topics.CHANGES.under(f"{config.namespace}backlog.")
    await ensure_topics(config.kafka, [topic])
    outbox = MongoOutbox(mongo)
    await MongoStore(mongo).prepare()
    await outbox.prepare()
    await fill_outbox(mongo, changes)
    producer, counted = Producer(config.kafka, "benchmark"), CollectorRegistry()
    published = KafkaChangeTopic(config.kafka, producer, topic.name)
    relay = Relay(outbox, published, "benchmark", SystemClock(), RelayMetrics(counted))
    try:
        began = perf_counter()
        await relay.lead()
        while await relay.round():
            await relay.lead()
        assert counted.get_sample_value("registry_changes_published_total") == changes
        return changes / (perf_counter() - began)
    finally:
        await producer.stop()
