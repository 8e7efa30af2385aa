"""The parts that every service is made of, and the application made of them. `app.py` adds the service's own work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from shared.adapters.certificates import show_expiry
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.http_api import Bearer, create_api, key_fetcher
from shared.adapters.kafka_batches import B, Limits, Sink
from shared.adapters.kafka_partitions import OwnedPartitions, ReaderMetrics
from shared.adapters.kafka_producer import Producer, publish_through
from shared.adapters.kafka_reader import KafkaReader
from shared.adapters.mongo import Mongo
from shared.adapters.openapi import Json, extend_openapi
from shared.adapters.settings import CommonSettings
from shared.contracts.topics import Topic
from shared.runtime.auth import TokenVerifier
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.health import Check
from shared.runtime.tasks import running

Loops = Sequence[Coroutine[Any, Any, None]]


class Service:
    """One process of a service: its database, its access to Kafka, its metrics, health checks and callers."""

    def __init__(self, name: str, settings: CommonSettings, clock: Clock | None) -> None:
        """Prepare everything and connect to nothing. Without a clock, the machine's is used."""
        self.clock = clock or SystemClock()
        self.instance = f"{settings.namespace}{settings.instance}"
        self.prometheus = CollectorRegistry()
        show_expiry(settings.authorities, self.prometheus)
        self.mongo = Mongo(settings.mongodb_uri, settings.database(name), self.instance)
        self.producer = Producer(settings.kafka, client_id=self.instance)
        self.broker = settings.kafka.broker()
        # Dead letters and refusals have their own producer: an error there does not interrupt the other records.
        self._rejects = Producer(settings.kafka, client_id=f"{self.instance}-rejected")
        publish_through(self.broker, self._rejects)
        verifier = TokenVerifier(key_fetcher(settings.jwks), settings.token_issuer, settings.token_audience, self.clock)
        self.bearer = Bearer(verifier)
        self.checks: dict[str, Check] = {"mongodb": self.mongo.ping}
        self.liveness: dict[str, Check] = {}
        self._serving = False
        self._name = name
        self._settings = settings

    def topic(self, topic: Topic) -> Topic:
        """Return the topic under the namespace of this stack."""
        return topic.under(self._settings.namespace)

    def owned(self, topic: Topic) -> OwnedPartitions:
        """Return the record of the partitions of the topic that this replica has."""
        return OwnedPartitions(self.topic(topic).name, self.clock, ReaderMetrics(self.prometheus))

    def reader(
        self, owned: OwnedPartitions, sink: Sink[B], *, limits: Limits, reset: Literal["earliest", "none"]
    ) -> KafkaReader[B]:
        """Return this replica's reader of a topic."""
        group = f"{self._settings.namespace}{self._name}"
        reader = KafkaReader(self.broker, owned, group, self.instance, sink, self.clock, limits=limits, reset=reset)
        self.liveness[owned.topic] = reader.stuck
        return reader

    def dead_letters(self, topic: Topic, read: Topic) -> DeadLetters:
        """Return the writer to a topic of dead letters, which come from the topic `read`."""
        return DeadLetters(self.broker, self.topic(topic), self.prometheus, self.topic(read).name)

    def application(
        self, description: str, start: Callable[[], Awaitable[Loops]], schemas: Json | None = None,
        *, has_etags: bool = False,
    ) -> FastAPI:  # fmt: skip
        """Return the application. While it is served, it runs the loops that `start` returns.

        `start` prepares the database first; `api.state.prepare` does this alone. `schemas` describe the bodies that the
        service's own parser reads.
        `has_etags` says that it answers GET with an ETag.
        """

        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
            await self.mongo.end_orphans()
            try:
                async with running(*await start()):
                    self._serving = True
                    yield
                    self._serving = False
            finally:
                await self._close()

        async def prepare() -> None:
            try:
                for loop in await start():
                    loop.close()
            finally:
                await self._close()

        api = create_api(
            title=f"Cakupan {self._name}", description=description, registry=self.prometheus, checks=self.checks,
            liveness=self.liveness, broker=self.broker, body_within=self._settings.body_within,
            lifespan=lifespan, is_serving=lambda: self._serving,
        )  # fmt: skip
        api.state.prepare = prepare
        extend_openapi(api, schemas, has_etags=has_etags)
        return api

    async def _close(self) -> None:
        await self.producer.stop()
        await self._rejects.stop()
        self.mongo.close()
