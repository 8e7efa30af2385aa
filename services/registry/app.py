"""Builds the registry from its settings. Only here are clients made and tasks started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.registry.audit.auditor import Auditor
from services.registry.audit.kafka import KafkaReplayTopic
from services.registry.audit.mongo import MongoAudit
from services.registry.identity import http as http_erase
from services.registry.identity.erasure import Eraser
from services.registry.identity.hashing import Secrets
from services.registry.identity.key_file import read_keys
from services.registry.identity.mongo.keyring import MongoKeyring
from services.registry.identity.rotation import Rotation
from services.registry.intake.commit import Intake
from services.registry.intake.http import bulk as http_bulk
from services.registry.intake.http import facts as http_api
from services.registry.intake.http import openapi
from services.registry.intake.http.in_flight import InFlight
from services.registry.intake.kafka import asyncapi
from services.registry.intake.kafka.facts import FactSink
from services.registry.intake.kafka.rejected import RejectedTopic
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.mongo.store import MongoStore
from services.registry.intake.parsing import Parser
from services.registry.relay import clock as sweep
from services.registry.relay.clock import Sweeper
from services.registry.relay.kafka import KafkaChangeTopic
from services.registry.relay.metrics import RelayMetrics, SweepMetrics
from services.registry.relay.mongo import MongoOutbox
from services.registry.relay.relay import Relay
from services.registry.settings import RegistrySettings
from shared.adapters.kafka_batches import ONE_AT_A_TIME, Buffered
from shared.adapters.kafka_producer import Producer, partition_for
from shared.adapters.mongo import Mongo
from shared.adapters.progress_bar import ProgressBar
from shared.adapters.service import Loops, Service
from shared.contracts import topics
from shared.regions.catalogue import catalogue
from shared.runtime.clock import Clock, SystemClock


def build(settings: RegistrySettings, *, clock: Clock | None = None) -> FastAPI:
    """Return the registry as an application; its tasks start when it is served."""
    service = Service("registry", settings, clock)
    instance, clock, prometheus = service.instance, service.clock, service.prometheus
    metrics = IntakeMetrics(prometheus)
    facts, rejected, changes = map(service.topic, (topics.FACTS, topics.FACTS_REJECTED, topics.CHANGES))
    secrets = Secrets.derive(*read_keys(settings.identity_key_file))

    store, outbox, keyring = MongoStore(service.mongo), MongoOutbox(service.mongo), MongoKeyring(service.mongo)
    change_topic = KafkaChangeTopic(settings.kafka, service.producer, changes.name)
    relay = Relay(outbox, change_topic, instance, clock, RelayMetrics(prometheus))
    intake = Intake(store, secrets, clock, metrics, on_commit=relay.wake)
    sweeper = Sweeper(store, outbox, instance, secrets.change, clock, SweepMetrics(prometheus), relay.wake)

    rejections = asyncapi.describe(service.broker, facts, rejected, changes)
    parser = Parser(catalogue(), secrets.content, metrics.rehomed)
    sink = FactSink(parser, intake, RejectedTopic(rejections, metrics), clock, metrics)
    facts_in = service.reader(service.owned(topics.FACTS), Buffered(sink), limits=ONE_AT_A_TIME, reset="earliest")
    service.checks["relay"] = relay.trouble
    service.checks["identity keys"] = lambda: keyring.trouble(secrets.ids)
    service.checks["facts"] = facts_in.trouble

    async def start() -> Loops:
        await store.prepare()
        await outbox.prepare()
        await outbox.prepare_leases([sweep.JOB])
        await keyring.open(secrets.ids)
        await keyring.announce(instance, secrets.ids)
        return intake.run(), relay.run(), sweeper.run(), facts_in.run()

    api = service.application(
        "Takes enrolment facts and publishes what they change.", start, schemas=openapi.components()
    )
    in_flight = InFlight(settings.facts_in_flight_per_caller)
    for create in (http_api.create_router, http_bulk.create_bulk_router):
        router = create(
            parser=parser, intake=intake, bearer=service.bearer, clock=clock, metrics=metrics, in_flight=in_flight
        )
        api.include_router(router)
    api.include_router(http_erase.create_erase_router(eraser=Eraser(store, secrets, clock), bearer=service.bearer))
    return api


@asynccontextmanager
async def auditor(settings: RegistrySettings) -> AsyncIterator[Auditor]:
    """Yield an auditor of a registry, which may be running."""
    secrets = Secrets.derive(*read_keys(settings.identity_key_file))
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), f"{settings.namespace}{settings.instance}-audit")
    producer = Producer(settings.kafka, client_id=f"{settings.instance}-replay")
    try:
        yield Auditor(
            audit=MongoAudit(mongo),
            secret=secrets.change,
            partition_of=lambda regency: partition_for(regency, topics.PARTITIONS),
            clock=SystemClock(),
            relayed_to=topics.CHANGES.under(settings.namespace).name,
            topic=lambda name: KafkaReplayTopic(settings.kafka, producer, name),
        )
    finally:
        await producer.stop()
        mongo.close()


async def rotate_keys(settings: RegistrySettings, progress: ProgressBar) -> int:
    """Bring all hashes to the newest key of the key file; see `Rotation`."""
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), f"{settings.namespace}rotation")
    try:
        secrets = Secrets.derive(*read_keys(settings.identity_key_file))
        return await Rotation(MongoKeyring(mongo), secrets, SystemClock(), progress).run()
    finally:
        mongo.close()
