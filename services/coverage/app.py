"""Composition root: settings → adapters → use cases → application. Only here are clients built and tasks started."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import BinaryIO

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import CollectorRegistry

from services.coverage.counting.apply import Applier
from services.coverage.counting.domain.position import Position
from services.coverage.counting.kafka.decoder import ChangeDecoder
from services.coverage.counting.kafka.missing import KafkaChanges
from services.coverage.counting.kafka.sink import ChangeSink
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.progress import Progress
from services.coverage.counting.resume import resume
from services.coverage.http import boards as http_boards
from services.coverage.http import provenance as http_provenance
from services.coverage.http import reference as http_reference
from services.coverage.http import regions as http_regions
from services.coverage.http import reports as http_reports
from services.coverage.http import search as http_search
from services.coverage.http import series as http_series
from services.coverage.http import stream as http_stream
from services.coverage.http.dependencies import Dependencies
from services.coverage.http.visibility import Visibility
from services.coverage.metrics import CoverageMetrics
from services.coverage.proof import background as prove
from services.coverage.proof import rebuild
from services.coverage.proof.background import Prover
from services.coverage.proof.dump import LedgerDump
from services.coverage.proof.kafka import KafkaChangeLog
from services.coverage.proof.mongo.counted import MongoCounted
from services.coverage.proof.mongo.generations import MongoGenerations
from services.coverage.proof.mongo.proofs import MongoProofs
from services.coverage.proof.ports import ChangeLog, Generations
from services.coverage.proof.ports import Progress as WorkProgress
from services.coverage.proof.rebuild import Rebuild
from services.coverage.proof.verify import Verifier, stop
from services.coverage.public.viewer import PublicViewer
from services.coverage.publishing.kafka import KafkaSnapshotTopic
from services.coverage.publishing.poller import Watch
from services.coverage.publishing.publisher import Publisher
from services.coverage.reading.boards import Boards
from services.coverage.reading.derived import Deriver
from services.coverage.reading.districts import Districts
from services.coverage.reading.due import DueReader
from services.coverage.reading.live import Live
from services.coverage.reading.provenance import Provenance
from services.coverage.reading.series import Series
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import ReferenceIndex
from services.coverage.reference.load import ReferenceImport
from services.coverage.reference.mongo import MongoReference
from services.coverage.settings import CoverageSettings
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.http_api import Bearer, create_api, key_fetcher
from shared.adapters.kafka_gathering import GatheringReader
from shared.adapters.kafka_producer import Producer, partition_for
from shared.adapters.kafka_reader import Metrics as ReaderMetrics
from shared.adapters.mongo import Mongo
from shared.adapters.mongo_leases import MongoLeases
from shared.adapters.openapi import extend_openapi
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION, regency_of
from shared.regions.search import RegionSearch
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

    book, progress = ReferenceIndex(), Progress(partition_of)
    boards = Boards(Districts(book, regions.children, store))
    snapshot_reader = SnapshotReader(
        store, Deriver(book, regions.children), boards, regions.name, clock, progress.catching_up
    )
    publisher = Publisher(
        snapshot_reader,
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
    watch = Watch(store, reference, book, progress, reader, publisher, metrics, regions.children(NATION))

    leases, proofs = MongoLeases(mongo), MongoProofs(mongo)
    log = KafkaChangeLog(settings.kafka, changes.name, ChangeDecoder(regions.__contains__))
    prover = Prover(MongoCounted(mongo), [log], proofs, leases, instance, clock, metrics)

    health = Health()
    health.add("mongodb", mongo.ping)
    health.add("changes", reader.trouble)
    health.add("snapshots", publisher.trouble)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        await mongo.end_orphans()
        await store.prepare()
        await reference.prepare()
        await leases.prepare_leases([prove.JOB])
        await watch.look_at_reference()
        try:
            async with running(
                reader.run(), reader.commit_regularly(_HINT_EVERY), publisher.run(), watch.run(), prover.run()
            ):
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
    _add_routes(
        api, settings, clock, snapshot_reader=snapshot_reader, boards=boards, book=book, store=store,
        reference=reference, proofs=proofs, on_reference=watch,
    )  # fmt: skip
    extend_openapi(api)
    return api


def _add_routes(
    api: FastAPI, settings: CoverageSettings, clock: Clock, *, snapshot_reader: SnapshotReader, boards: Boards,
    book: ReferenceIndex, store: MongoStore, reference: MongoReference, proofs: MongoProofs, on_reference: Watch,
) -> None:  # fmt: skip
    """Add everything under /v1."""
    regions = catalogue()
    verifier = TokenVerifier(key_fetcher(settings.jwks), settings.token_issuer, settings.token_audience, clock)
    bearer = Bearer(verifier)
    homes = Homes(regions, table())
    depends = Dependencies(regions, homes, clock, bearer)
    visibility = Visibility(snapshot_reader, PublicViewer(snapshot_reader, regions.children, clock))
    api.include_router(
        http_search.create_router(
            search=cache(lambda: RegionSearch(regions.name, regions.children)), catalogue=regions, bearer=bearer
        )
    )
    api.include_router(http_regions.create_router(visibility=visibility, depends=depends))
    provenance = Provenance(book, regions.children, store, proofs, clock)
    api.include_router(http_provenance.create_router(provenance=provenance, depends=depends))
    series = Series(store, book, regions.children)
    api.include_router(http_series.create_router(visibility=visibility, series=series, depends=depends))
    due = DueReader(store, regions.children, clock)
    api.include_router(http_boards.create_router(visibility=visibility, due=due, boards=boards, depends=depends))
    imports = ReferenceImport(reference, on_reference.look_at_reference, homes.home_of, clock)
    api.include_router(http_reference.create_router(imports=imports, reference=reference, bearer=bearer))
    api.include_router(http_reports.create_router(visibility=visibility, depends=depends))
    api.include_router(http_stream.create_router(visibility=visibility, live=Live(clock), depends=depends))
    if settings.cors_origins:
        api.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["GET"],
            allow_headers=["Authorization", "If-None-Match"], expose_headers=["ETag", "Content-Disposition"],
        )  # fmt: skip


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


@asynccontextmanager
async def verifier(settings: CoverageSettings, ledger: BinaryIO | None, *, topic: bool) -> AsyncIterator[Verifier]:
    """Give what proves the counters of a coverage that may be running, and stops at the first difference."""
    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), "verify")
    decoder = ChangeDecoder(catalogue().__contains__)
    changes = KafkaChangeLog(settings.kafka, topics.CHANGES.under(settings.namespace).name, decoder)
    logs: list[ChangeLog] = [changes] if topic else []
    if ledger is not None:
        logs.append(LedgerDump(ledger, decoder, changes))
    try:
        yield Verifier(MongoCounted(mongo), logs, SystemClock(), stop)
    finally:
        mongo.close()


@asynccontextmanager
async def rebuilding(settings: CoverageSettings, progress: WorkProgress) -> AsyncIterator[tuple[Rebuild, Generations]]:
    """Give what builds a new generation beside the live one of a coverage that may be running, and the generations."""
    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), f"{settings.namespace}rebuild")
    topic = KafkaChangeLog(
        settings.kafka, topics.CHANGES.under(settings.namespace).name, ChangeDecoder(catalogue().__contains__)
    )
    store, generations, leases = MongoStore(mongo), MongoGenerations(mongo), MongoLeases(mongo)
    try:
        await store.prepare()
        await leases.prepare_leases([rebuild.JOB])
        yield Rebuild(store, generations, topic, leases, uuid.uuid4().hex, SystemClock(), progress), generations
    finally:
        mongo.close()


def partition_of(region: str) -> int:
    """Return the partition of changes whose reader publishes the region; a regency's holds all below it."""
    return partition_for(regency_of(region), topics.PARTITIONS)
