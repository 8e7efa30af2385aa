"""Composition root: settings → adapters → use cases → application. Only here are clients built and tasks started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.registry.adapters import asyncapi, http_api, http_bulk
from services.registry.adapters.kafka_intake import FactSink
from services.registry.adapters.kafka_rejected import RejectedTopic
from services.registry.adapters.kafka_relay import KafkaChangeTopic
from services.registry.adapters.metrics import RegistryMetrics
from services.registry.adapters.mongo_outbox import MongoOutbox
from services.registry.adapters.mongo_store import MongoStore
from services.registry.application import sweep
from services.registry.application.intake import Intake, Secrets
from services.registry.application.parsing import Parser
from services.registry.application.relay import Relay
from services.registry.application.sweep import Sweeper
from services.registry.settings import RegistrySettings
from shared.adapters.asyncapi import extend_asyncapi
from shared.adapters.http_api import Bearer, create_api, extend_openapi, key_fetcher
from shared.adapters.kafka_producer import Producer
from shared.adapters.kafka_reader import Metrics as ReaderMetrics
from shared.adapters.kafka_reader import PartitionReader
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.regions.catalogue import catalogue
from shared.runtime.auth import TokenVerifier
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.errors import PermanentError
from shared.runtime.health import Health
from shared.runtime.tasks import running

_COMMIT_EVERY: Final = timedelta(seconds=1)
"""How much of the topic is read again after a kill; all of it is known by then."""


def build(settings: RegistrySettings, *, clock: Clock | None = None) -> FastAPI:
    """Return the registry as an application that starts its work when it is served."""
    clock = clock or SystemClock()
    instance = f"{settings.namespace}{settings.instance}"
    prometheus = CollectorRegistry()
    metrics = RegistryMetrics(prometheus)
    facts, rejected, changes = (
        topic.under(settings.namespace) for topic in (topics.FACTS, topics.FACTS_REJECTED, topics.CHANGES)
    )
    secrets = Secrets.derive(read_secret(settings.identity_key_file))

    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), instance)
    store, outbox = MongoStore(mongo, secrets.key_id), MongoOutbox(mongo)
    producer = Producer(settings.kafka, client_id=instance)
    # Its own producer: what goes wrong with one topic must not break off what is on its way to the other.
    refusals = Producer(settings.kafka, client_id=f"{instance}-rejected")
    relay = Relay(outbox, KafkaChangeTopic(producer, changes.name), instance, clock, metrics)
    intake = Intake(store, secrets, clock, metrics, on_commit=relay.wake)

    sweeper = Sweeper(store, outbox, instance, secrets.change, clock, metrics, on_commit=relay.wake)

    broker = settings.kafka.broker()
    asyncapi.declare(broker, rejected, changes)
    parser = Parser(catalogue(), secrets.content)
    sink = FactSink(parser, intake, RejectedTopic(refusals, rejected.name, metrics), clock, metrics)
    reader = PartitionReader(
        broker, facts, f"{settings.namespace}registry", instance, sink, clock, ReaderMetrics.on(prometheus),
        reset="earliest", description="Facts to be taken in, CloudEvents structured or binary",
    )  # fmt: skip
    health = Health()
    health.add("mongodb", mongo.ping)
    health.add("relay", relay.trouble)
    health.add("facts", reader.trouble)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        await mongo.end_orphans()
        await store.prepare()
        await outbox.prepare()
        await outbox.prepare_leases([sweep.JOB])
        try:
            async with running(
                intake.run(), relay.run(), sweeper.run(), reader.run(), reader.commit_regularly(_COMMIT_EVERY)
            ):
                yield
        finally:
            await producer.stop()
            await refusals.stop()
            mongo.close()

    api = create_api(
        title="Cakupan registry",
        description="Takes enrolment facts and publishes what they change.",
        registry=prometheus,
        health=health,
        broker=broker,
        run=run,
    )
    verifier = TokenVerifier(key_fetcher(settings.jwks), settings.token_issuer, settings.token_audience, clock)
    bearer = Bearer(verifier)
    for create in (http_api.create_router, http_bulk.create_bulk_router):
        api.include_router(create(parser=parser, intake=intake, bearer=bearer, clock=clock, metrics=metrics))
    extend_openapi(api, http_api.components())
    extend_asyncapi(api, asyncapi.completion(facts, rejected, changes))
    return api


def read_secret(path: Path) -> bytes:
    """Return the secret in the file.

    Raises: PermanentError saying what the file must hold.
    """
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise PermanentError(f"{path} must hold the identity key as 64 hex digits ({type(error).__name__})") from error
    if len(secret) != _SECRET_BYTES:
        raise PermanentError(f"{path} holds {len(secret)} bytes; the identity key has {_SECRET_BYTES}")
    return secret


_SECRET_BYTES = 32
"""The block that HMAC-SHA256 gives back in full."""
