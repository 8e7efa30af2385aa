"""Composition root: settings → adapters → use cases → application. Only here are clients built and tasks started."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import BinaryIO
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import CollectorRegistry

from services.coverage.counting.apply import Applier
from services.coverage.counting.catching_up import CatchingUp
from services.coverage.counting.change_log import ChangeLog
from services.coverage.counting.domain.position import Position
from services.coverage.counting.kafka.decoder import ChangeDecoder
from services.coverage.counting.kafka.log import KafkaChangeLog
from services.coverage.counting.kafka.sink import ChangeSink
from services.coverage.counting.metrics import CountingMetrics
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.resume import resume
from services.coverage.http import boards as http_boards
from services.coverage.http import provenance as http_provenance
from services.coverage.http import public as http_public
from services.coverage.http import reference as http_reference
from services.coverage.http import regions as http_regions
from services.coverage.http import reports as http_reports
from services.coverage.http import search as http_search
from services.coverage.http import series as http_series
from services.coverage.http import stream as http_stream
from services.coverage.http.dependencies import Dependencies
from services.coverage.http.public import PublicRoutes
from services.coverage.http.search import SearchQueue
from services.coverage.http.stream_limits import StreamLimits
from services.coverage.http.visibility import Visibility
from services.coverage.pages.http.add import PageParts, add_pages
from services.coverage.pages.http.sign_in import SignIn, callback_under
from services.coverage.pages.notifier import Notifier
from services.coverage.pages.oidc import OidcClient
from services.coverage.proof import background, rebuild
from services.coverage.proof.background import BackgroundVerifier
from services.coverage.proof.dump import LedgerDump
from services.coverage.proof.metrics import ProofMetrics
from services.coverage.proof.mongo.counted import MongoCounted
from services.coverage.proof.mongo.generations import MongoGenerations
from services.coverage.proof.mongo.proofs import MongoProofs
from services.coverage.proof.rebuild import Rebuild
from services.coverage.proof.verify import Verifier, stop
from services.coverage.public import job
from services.coverage.public.job import ReleaseJob
from services.coverage.public.making import NoProgressBar, Parts, ReleaseMaker
from services.coverage.public.making import ProgressBar as MakingBar
from services.coverage.public.metrics import ReleaseMetrics
from services.coverage.public.mongo import MongoReleases
from services.coverage.public.verify import ReleaseVerifier
from services.coverage.publishing.kafka import publish
from services.coverage.publishing.metrics import PublishingMetrics
from services.coverage.publishing.poller import Poller
from services.coverage.publishing.publisher import Publisher
from services.coverage.reading.boards import Boards
from services.coverage.reading.derived import Deriver
from services.coverage.reading.due import DueReader
from services.coverage.reading.live import Live
from services.coverage.reading.provenance import Provenance
from services.coverage.reading.series import Series
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.potentials import Potentials
from services.coverage.reference.domain.reference import ReferenceIndex
from services.coverage.reference.load import ReferenceImport
from services.coverage.reference.mongo import MongoReference
from services.coverage.settings import CoverageSettings
from shared.adapters.asyncapi import declare_publisher, describe_read
from shared.adapters.http_shares import Share
from shared.adapters.kafka_batches import GROWING
from shared.adapters.kafka_producer import partition_for
from shared.adapters.mongo import Mongo
from shared.adapters.mongo_leases import MongoLeases
from shared.adapters.progress_bar import ProgressBar
from shared.adapters.service import Loops, Service
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION, regency_of
from shared.regions.search import RegionSearch
from shared.regions.successors import Homes, table
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.errors import PermanentError


def build(settings: CoverageSettings, *, clock: Clock | None = None) -> FastAPI:
    """Return coverage as an application that starts its work when it is served."""
    service = Service("coverage", settings, clock)
    mongo, clock, prometheus = service.mongo, service.clock, service.prometheus
    regions = catalogue()
    regions.load()
    changes, snapshots = map(service.topic, (topics.CHANGES, topics.SNAPSHOTS))
    store, reference = MongoStore(mongo), MongoReference(mongo)
    describe_read(
        service.broker, changes, Change, "Changes to be counted, read from the position kept with the counters."
    )
    declare_publisher(service.broker, snapshots, Snapshot, "A region as counted.")

    book, catching_up = ReferenceIndex(), CatchingUp(partition_of)
    potentials, boards = Potentials(book, regions.children), Boards(book, regions.children, store)
    snapshot_reader = SnapshotReader(
        store, Deriver(book, potentials), boards, regions.name, clock, catching_up.catching_up
    )

    owned = service.owned(topics.CHANGES)
    publisher = Publisher(
        snapshot_reader, partial(publish, service.producer, snapshots.name), owned, partition_of, clock,
        PublishingMetrics(prometheus),
    )  # fmt: skip
    counting, decoder = CountingMetrics(prometheus), ChangeDecoder(regions.__contains__)
    applier = Applier(store, catching_up, clock, counting, publisher.counted)
    sink = ChangeSink(applier, service.dead_letters(topics.CHANGES_DEAD, topics.CHANGES), decoder, counting)
    reader = service.reader(owned, sink, limits=GROWING, reset="none")
    poller = Poller(store, reference, book, catching_up, owned, publisher, reader.resume, regions.children(NATION))

    leases, proofs = MongoLeases(mongo), MongoProofs(mongo)
    new_verifier = partial(Verifier, MongoCounted(mongo), [changes_of(settings)], clock)
    verifying = BackgroundVerifier(new_verifier, proofs, leases, service.instance, clock, ProofMetrics(prometheus))
    service.checks["changes"] = reader.trouble
    service.checks["snapshots"] = publisher.trouble

    releases = MongoReleases(mongo)
    making = ReleaseMaker(Parts(store, reference, releases, regions.children, regions.name, clock), NoProgressBar())
    releasing = ReleaseJob(making, releases, leases, service.instance, clock, ReleaseMetrics(prometheus))

    async def start() -> Loops:
        await store.prepare()
        await reference.prepare()
        await releases.prepare()
        await leases.prepare_leases([background.JOB, job.JOB])
        await poller.poll_reference()
        return reader.run(), publisher.run(), poller.run(), verifying.run(), releasing.run()

    api = service.application("Counts who is covered in each region, and publishes it.", start, has_etags=True)
    _add_routes(
        api, service, snapshot_reader=snapshot_reader, boards=boards, book=book, store=store, reference=reference,
        potentials=potentials, proofs=proofs, poller=poller, releases=releases, settings=settings,
    )  # fmt: skip
    if settings.cors_origins:
        api.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["GET"],
            allow_headers=["Authorization", "If-None-Match"], expose_headers=["ETag", "Content-Disposition"],
        )  # fmt: skip
    return api


def _add_routes(
    api: FastAPI, service: Service, *, snapshot_reader: SnapshotReader, boards: Boards, potentials: Potentials,
    book: ReferenceIndex, store: MongoStore, reference: MongoReference, proofs: MongoProofs, poller: Poller,
    releases: MongoReleases, settings: CoverageSettings,
) -> None:  # fmt: skip
    """Add everything under /v1, and the pages."""
    regions, clock, bearer = catalogue(), service.clock, service.bearer
    homes = Homes(regions, table())
    depends = Dependencies(regions, homes, clock, bearer)
    public_url = settings.public_url.rstrip("/")
    visibility, public = Visibility(snapshot_reader), PublicRoutes(releases, public_url)
    search = SearchQueue(lambda: RegionSearch(regions.name, regions.children))
    api.include_router(http_search.create_router(queue=search, catalogue=regions, bearer=bearer))
    api.include_router(http_regions.create_router(visibility=visibility, public=public, depends=depends))
    api.include_router(http_public.create_router(public=public, bearer=bearer))
    provenance = Provenance(book, potentials, store, proofs, clock)
    api.include_router(http_provenance.create_router(provenance=provenance, depends=depends))
    series = Series(store, potentials)
    api.include_router(http_series.create_router(visibility=visibility, series=series, depends=depends))
    due = DueReader(store, regions.children, clock)
    api.include_router(http_boards.create_router(visibility=visibility, due=due, boards=boards, depends=depends))
    imports = ReferenceImport(reference, poller.poll_reference, homes.home_of, clock)
    api.include_router(http_reference.create_router(imports=imports, reference=reference, homes=homes, bearer=bearer))
    api.include_router(
        http_reports.create_router(visibility=visibility, public=public, depends=depends, public_url=public_url)
    )
    limits = StreamLimits(Share(settings.streams_per_address), settings.stream_longest, clock, bearer)
    api.include_router(
        http_stream.create_router(reader=snapshot_reader, live=Live(clock), depends=depends, limits=limits)
    )
    parts = PageParts(
        depends, public, snapshot_reader, provenance, series, boards, due, search, limits,
        Notifier(settings.notifier_url), _ways_to_sign_in(settings, clock),
    )  # fmt: skip
    add_pages(api, parts, public_url)


def _ways_to_sign_in(settings: CoverageSettings, clock: Clock) -> SignIn:
    """Return how officials sign in. Raises: PermanentError for tokens given away where others could reach them."""
    base = settings.public_url.rstrip("/")
    if settings.ready_tokens and urlsplit(base).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise PermanentError(
            f"COVERAGE_READY_TOKENS gives tokens to anyone, and COVERAGE_PUBLIC_URL is {base}: unset one of them"
        )
    oidc, secret = None, settings.oidc_client_secret_file
    if settings.oidc_issuer:
        oidc = OidcClient(
            settings.oidc_issuer, settings.oidc_client_id, secret.read_text().strip() if secret else None,
            callback_under(base), clock,
        )  # fmt: skip
    return SignIn(oidc, settings.ready_tokens)


async def resumed(settings: CoverageSettings, partition: int) -> Position:
    """Take a stopped partition up again, whichever replica has it, and return where it goes on. Raises: as `resume`."""
    with _mongo(settings, "resume") as mongo:
        return await resume(MongoStore(mongo), changes_of(settings), partition)


@asynccontextmanager
async def verifier(settings: CoverageSettings, ledger: BinaryIO | None, *, topic: bool) -> AsyncIterator[Verifier]:
    """Give a verifier that stops at the first difference; coverage may be running."""
    changes = changes_of(settings)
    logs: list[ChangeLog] = [changes] if topic else []
    if ledger is not None:
        logs.append(LedgerDump(ledger, ChangeDecoder(catalogue().__contains__), changes))
    with _mongo(settings, "verify") as mongo:
        yield Verifier(MongoCounted(mongo), logs, SystemClock(), stop)


@asynccontextmanager
async def rebuilding(
    settings: CoverageSettings, progress: ProgressBar
) -> AsyncIterator[tuple[Rebuild, MongoGenerations]]:
    """Give a rebuild, and the generations that it works on; coverage may be running."""
    with _mongo(settings, f"{settings.namespace}rebuild") as mongo:
        store, generations, leases = MongoStore(mongo), MongoGenerations(mongo), MongoLeases(mongo)
        await store.prepare()
        await leases.prepare_leases([rebuild.JOB])
        changes, holder = changes_of(settings), uuid.uuid4().hex
        yield Rebuild(store, generations, changes, leases, holder, SystemClock(), progress), generations


@contextmanager
def _mongo(settings: CoverageSettings, app_name: str) -> Iterator[Mongo]:
    """Give coverage's database to a command, and close it after the block."""
    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), app_name)
    try:
        yield mongo
    finally:
        mongo.close()


@asynccontextmanager
async def releasing(
    settings: CoverageSettings, progress: MakingBar
) -> AsyncIterator[tuple[ReleaseJob, MongoReleases, ReleaseVerifier]]:
    """Give what makes releases, those there are, and what verifies them; coverage may be running."""
    mongo, clock, regions = (
        Mongo(settings.mongodb_uri, settings.database("coverage"), "release"),
        SystemClock(),
        catalogue(),
    )
    releases, leases = MongoReleases(mongo), MongoLeases(mongo)
    parts = Parts(MongoStore(mongo), MongoReference(mongo), releases, regions.children, regions.name, clock)
    try:
        await releases.prepare()
        await leases.prepare_leases([job.JOB])
        metrics = ReleaseMetrics(CollectorRegistry())
        job_ = ReleaseJob(ReleaseMaker(parts, progress), releases, leases, uuid.uuid4().hex, clock, metrics)
        yield job_, releases, ReleaseVerifier(parts, progress)
    finally:
        mongo.close()


def changes_of(settings: CoverageSettings) -> KafkaChangeLog:
    """Return the topic of changes as a log."""
    decoder = ChangeDecoder(catalogue().__contains__)
    return KafkaChangeLog(settings.kafka, topics.CHANGES.under(settings.namespace).name, decoder)


def partition_of(region: str) -> int:
    """Return the partition of changes whose reader publishes the region; a regency's holds all below it."""
    return partition_for(regency_of(region), topics.PARTITIONS)
