"""Composition root: settings → adapters → use cases → application. Only here are clients built and tasks started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.coverage.adapters import http_api, http_provenance, http_reference
from services.coverage.adapters.change_decoder import ChangeDecoder
from services.coverage.adapters.http_days import asked
from services.coverage.adapters.http_sight import Sight
from services.coverage.adapters.kafka_changes import ChangeSink
from services.coverage.adapters.kafka_missing import KafkaChanges
from services.coverage.adapters.kafka_snapshots import KafkaSnapshotTopic
from services.coverage.adapters.metrics import CoverageMetrics
from services.coverage.adapters.mongo_reference import MongoReference
from services.coverage.adapters.mongo_store import MongoStore
from services.coverage.application.apply import Applier
from services.coverage.application.derive import Deriver
from services.coverage.application.imports import ReferenceImport
from services.coverage.application.progress import Progress
from services.coverage.application.provenance import Provenance
from services.coverage.application.public import PublicViewer
from services.coverage.application.publish import Publisher
from services.coverage.application.resume import resume
from services.coverage.application.view import Viewer
from services.coverage.application.watch import Watch
from services.coverage.domain.position import Position
from services.coverage.domain.reference import Book
from services.coverage.settings import CoverageSettings
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.http_api import Bearer, create_api, key_fetcher
from shared.adapters.kafka_gathering import GatheringReader
from shared.adapters.kafka_producer import Producer, partition_for
from shared.adapters.kafka_reader import Metrics as ReaderMetrics
from shared.adapters.mongo import Mongo
from shared.adapters.openapi import extend_openapi
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION, regency_of
from shared.regions.successors import Homes, table
from shared.runtime.auth import TokenVerifier
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.health import Health
from shared.runtime.tasks import running

_HINT_EVERY = timedelta(seconds=5)
"""How far tools that show Kafka's own lag may be behind."""


def build(settings: CoverageSettings, *, clock: Clock | None = None) -> FastAPI:
    """Return coverage as an application that starts its work when it is served."""
    clock = clock or SystemClock()
    instance = f"{settings.namespace}{settings.instance}"
    regions = catalogue()
    prometheus = CollectorRegistry()
    metrics = CoverageMetrics(prometheus)
    changes = topics.CHANGES.under(settings.namespace)
    snapshots = topics.SNAPSHOTS.under(settings.namespace)

    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), instance)
    store, reference = MongoStore(mongo), MongoReference(mongo)
    producer = Producer(settings.kafka, client_id=instance)
    broker = settings.kafka.broker()
    broker.publisher(
        snapshots.name, schema=Snapshot, title=snapshots.name, description="A region as counted, keyed by region code"
    )

    book, progress = Book(), Progress(partition_of)
    viewer = Viewer(store, Deriver(book, regions.children), regions.name, clock, progress.catching_up)
    publisher = Publisher(
        viewer,
        KafkaSnapshotTopic(producer, snapshots.name),
        lambda: reader.partitions,
        partition_of,
        clock,
        metrics,
    )
    applier = Applier(store, progress, clock, metrics, publisher.counted, publisher.counted_behind)
    sink = ChangeSink(
        applier,
        DeadLetters(producer, topics.CHANGES_DEAD.under(settings.namespace), prometheus),
        ChangeDecoder(regions.__contains__),
        metrics,
        on_assigned=lambda partitions: watch.assigned(partitions),
    )
    reader = GatheringReader(
        broker, changes, f"{settings.namespace}coverage", instance, sink, clock, ReaderMetrics.on(prometheus),
        description="Changes to be counted, from the position kept with the counters",
    )  # fmt: skip
    watch = Watch(store, reference, book, progress, reader, publisher, metrics, regions.children(NATION), clock)

    health = Health()
    health.add("mongodb", mongo.ping)
    health.add("changes", reader.trouble)
    health.add("snapshots", publisher.trouble)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        await mongo.end_orphans()
        await store.prepare()
        await reference.prepare()
        await watch.look_at_reference()
        try:
            async with running(reader.run(), reader.commit_regularly(_HINT_EVERY), publisher.run(), watch.run()):
                yield
        finally:
            await producer.stop()
            mongo.close()

    api = create_api(
        title="Cakupan coverage",
        description="Counts who is covered in each region, and publishes it.",
        registry=prometheus,
        health=health,
        broker=broker,
        body_within=settings.body_within,
        run=run,
    )
    verifier = TokenVerifier(key_fetcher(settings.jwks), settings.token_issuer, settings.token_audience, clock)
    bearer = Bearer(verifier)
    at, sight = asked(clock), Sight(viewer, PublicViewer(viewer, regions.children, clock))
    api.include_router(http_api.create_router(sight=sight, asked=at, catalogue=regions, bearer=bearer))
    provenance = Provenance(book, regions.children, store, clock)
    api.include_router(http_provenance.create_router(provenance=provenance, asked=at, catalogue=regions, bearer=bearer))
    imports = ReferenceImport(reference, watch, Homes(regions, table()).home_of, clock)
    api.include_router(http_reference.create_router(imports=imports, reference=reference, bearer=bearer))
    extend_openapi(api)
    return api


def build_resume(settings: CoverageSettings) -> Callable[[int], Awaitable[Position]]:
    """Return what takes a stopped partition up again, whichever replica has it."""

    async def run(partition: int) -> Position:
        mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), "resume")
        topic = KafkaChanges(settings.kafka, topics.CHANGES.under(settings.namespace).name)
        try:
            return await resume(MongoStore(mongo), topic, partition)
        finally:
            mongo.close()

    return run


def partition_of(region: str) -> int:
    """Return the partition of changes whose reader publishes the region; a regency's holds all below it."""
    return partition_for(regency_of(region), topics.PARTITIONS)
