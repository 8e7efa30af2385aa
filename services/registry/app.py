"""Composition root: settings → adapters → use cases → application. Only here are clients built and tasks started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry

from services.registry.adapters import http_api, http_bulk, openapi
from services.registry.adapters.gridfs_uploads import GridFsUploads
from services.registry.adapters.http_imports import create_import_router
from services.registry.adapters.import_metrics import PrometheusImports
from services.registry.adapters.import_rows import FileRows, reader
from services.registry.adapters.in_flight import InFlight
from services.registry.adapters.kafka_relay import KafkaChangeTopic
from services.registry.adapters.metrics import RegistryMetrics
from services.registry.adapters.mongo_imports import MongoImports
from services.registry.adapters.mongo_outbox import MongoOutbox
from services.registry.adapters.mongo_store import MongoStore
from services.registry.application import sweep
from services.registry.application.imports import Importer
from services.registry.application.intake import Intake, Secrets
from services.registry.application.parsing import Parser
from services.registry.application.relay import Relay
from services.registry.application.sweep import Sweeper
from services.registry.application.uploading import Uploading
from services.registry.settings import RegistrySettings
from shared.adapters.http_api import Bearer, create_api, key_fetcher
from shared.adapters.kafka_producer import Producer
from shared.adapters.mongo import Mongo
from shared.adapters.openapi import extend_openapi
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.runtime.auth import TokenVerifier
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.errors import PermanentError
from shared.runtime.health import Health
from shared.runtime.tasks import running


def build(settings: RegistrySettings, *, clock: Clock | None = None) -> FastAPI:
    """Return the registry as an application that starts its work when it is served."""
    clock = clock or SystemClock()
    instance = f"{settings.namespace}{settings.instance}"
    prometheus = CollectorRegistry()
    metrics = RegistryMetrics(prometheus)
    changes = topics.CHANGES.under(settings.namespace)
    secrets = Secrets.derive(read_secret(settings.identity_key_file))

    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), instance)
    store, outbox = MongoStore(mongo, secrets.key_id), MongoOutbox(mongo)
    producer = Producer(settings.kafka_bootstrap, client_id=instance)
    relay = Relay(outbox, KafkaChangeTopic(producer, changes.name), instance, clock, metrics)
    intake = Intake(store, secrets, clock, metrics, on_commit=relay.wake)

    sweeper = Sweeper(store, outbox, instance, secrets.change, clock, metrics, on_commit=relay.wake)

    parser = Parser(catalogue(), secrets.content, metrics.rehomed)
    imports, uploads = MongoImports(mongo), GridFsUploads(mongo, clock)
    uploading = Uploading(imports, uploads, clock)
    importer = Importer(
        imports, uploads, uploading, FileRows(uploads), reader(parser), intake, instance, clock,
        PrometheusImports(prometheus, metrics),
    )  # fmt: skip

    broker = KafkaBroker(settings.kafka_bootstrap, logger=None)
    broker.publisher(
        changes.name, schema=Change, title=changes.name, description="What the registry decided, keyed by regency code"
    )
    health = Health()
    health.add("mongodb", mongo.ping)
    health.add("relay", relay.trouble)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        await mongo.end_orphans()
        await store.prepare()
        await outbox.prepare()
        await outbox.prepare_leases([sweep.JOB])
        await imports.prepare()
        await uploads.prepare()
        try:
            async with running(intake.run(), relay.run(), sweeper.run(), importer.run()):
                yield
        finally:
            await producer.stop()
            mongo.close()

    api = create_api(
        title="Cakupan registry",
        description="Takes enrolment facts and publishes what they change.",
        registry=prometheus,
        health=health,
        broker=broker,
        body_within=settings.body_within,
        run=run,
    )
    verifier = TokenVerifier(key_fetcher(settings.jwks), settings.token_issuer, settings.token_audience, clock)
    bearer = Bearer(verifier)
    in_flight = InFlight(settings.facts_in_flight_per_caller)
    for create in (http_api.create_router, http_bulk.create_bulk_router):
        api.include_router(
            create(parser=parser, intake=intake, bearer=bearer, clock=clock, metrics=metrics, in_flight=in_flight)
        )
    api.include_router(
        create_import_router(
            uploading=uploading,
            imports=imports,
            bearer=bearer,
            most_bytes=settings.import_max_bytes,
            on_upload=importer.wake,
        )
    )
    extend_openapi(api, openapi.components())
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
