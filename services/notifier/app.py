"""Composition root. Only this module builds clients and starts tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.notifier.adapters import email, http_api
from services.notifier.adapters.config_files import read_officials, read_rules
from services.notifier.adapters.email import SmtpChannel
from services.notifier.adapters.kafka_snapshots import SnapshotSink
from services.notifier.adapters.mongo_deliveries import MongoDeliveries
from services.notifier.adapters.mongo_store import MongoStore
from services.notifier.application.compose import Composer
from services.notifier.application.deliver import Deliverer, Policy
from services.notifier.application.evaluate import Evaluator
from services.notifier.application.judge import Judge
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.application.ports import Channel
from services.notifier.settings import NotifierSettings
from shared.adapters.asyncapi import describe_read
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.http_api import Bearer, create_api, key_fetcher
from shared.adapters.kafka_batches import ONE_AT_A_TIME, Buffered
from shared.adapters.kafka_partitions import OwnedPartitions, ReaderMetrics
from shared.adapters.kafka_producer import Producer, partition_for, publish_through
from shared.adapters.kafka_reader import KafkaReader
from shared.adapters.mongo import Mongo
from shared.adapters.openapi import extend_openapi
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.runtime.auth import TokenVerifier
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.health import Health
from shared.runtime.tasks import repeat, running

_COMMIT_EVERY: Final = timedelta(seconds=5)
"""Committed offsets are only shown by Kafka's tools; this is how old they may be."""
_POLL_EVERY: Final = timedelta(seconds=1)
"""How late the end of a hold time may be noticed, and how old the gauges may be."""


def build(settings: NotifierSettings, *, clock: Clock | None = None) -> FastAPI:
    """Return notifier as an application; its work starts when it is served.

    Raises: PermanentError when the file of rules or officials has errors.
    """
    clock = clock or SystemClock()
    instance = f"{settings.namespace}{settings.instance}"
    regions = catalogue()
    rules = read_rules(settings.rules, regions.__contains__)
    officials = read_officials(settings.officials, regions.__contains__)
    prometheus = CollectorRegistry()
    metrics = NotifierMetrics(prometheus, rules)
    snapshots = topics.SNAPSHOTS.under(settings.namespace)

    mongo = Mongo(settings.mongodb_uri, settings.database("notifier"), instance)
    store, deliveries = MongoStore(mongo), MongoDeliveries(mongo)
    producer = Producer(settings.kafka, client_id=instance)
    broker = settings.kafka.broker()
    publish_through(broker, producer)
    describe_read(
        broker, snapshots, Snapshot, "Snapshots to be evaluated, read from the position kept with the alerts."
    )

    channels: dict[str, Channel] = {
        email.CHANNEL: SmtpChannel(settings.smtp_host, settings.smtp_port, settings.smtp_sender)
    }
    deliverer = Deliverer(
        deliveries, Composer(settings.pages_url), channels, officials, instance, _policy(settings), clock, metrics
    )
    new_judge = partial(Judge, list(officials.values()), list(channels), clock)
    evaluator = Evaluator(store, rules, new_judge, clock, metrics, on_raised=deliverer.wake)
    sink = SnapshotSink(
        evaluator,
        store,
        DeadLetters(broker, topics.SNAPSHOTS_DEAD.under(settings.namespace), prometheus),
        regions.__contains__,
        metrics,
    )
    owned = OwnedPartitions(snapshots.name, clock, ReaderMetrics.on(prometheus))
    reader = KafkaReader(
        broker, owned, f"{settings.namespace}notifier", instance, Buffered(sink), clock, limits=ONE_AT_A_TIME,
        reset="earliest",
    )  # fmt: skip

    def is_caught_up(region: str) -> bool:
        return partition_for(region, topics.PARTITIONS) in owned.caught_up

    health = Health()
    health.add_liveness(reader.stuck)
    health.add("mongodb", mongo.ping)
    health.add("snapshots", reader.trouble)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        await mongo.end_orphans()
        await store.prepare()
        await deliveries.release(instance, clock.now())
        loops = [
            reader.run(),
            reader.commit_regularly(_COMMIT_EVERY),
            repeat(lambda: evaluator.end_holds(is_caught_up), _POLL_EVERY, "ending hold times"),
            repeat(lambda: deliveries.show(metrics), _POLL_EVERY, "counting alerts"),
            *(deliverer.run() for _ in range(settings.workers)),
        ]
        try:
            async with running(*loops):
                yield
        finally:
            await producer.stop()
            mongo.close()

    api = create_api(
        title="Cakupan notifier",
        description="Decides which officials are alerted about a region, and delivers the messages.",
        registry=prometheus,
        health=health,
        broker=broker,
        body_within=settings.body_within,
        run=run,
    )
    verifier = TokenVerifier(key_fetcher(settings.jwks), settings.token_issuer, settings.token_audience, clock)
    api.include_router(
        http_api.create_router(store=deliveries, rules=rules, is_region=regions.__contains__, bearer=Bearer(verifier))
    )
    extend_openapi(api)
    return api


def _policy(settings: NotifierSettings) -> Policy:
    return Policy(
        children_wait=timedelta(seconds=settings.settle_s),
        lease=2 * timedelta(seconds=email.TIMEOUT_S),
        first=timedelta(seconds=settings.retry_first_s),
        longest=timedelta(seconds=settings.retry_longest_s),
        tries=settings.tries,
    )
