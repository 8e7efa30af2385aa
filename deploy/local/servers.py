"""Kafka and MongoDB for a stack or a test run: our own, or those that the settings name."""

from __future__ import annotations

from dataclasses import replace

from deploy.local.jars import kafka_jars
from deploy.local.kafka import Kafka
from deploy.local.mongod import Mongod
from deploy.local.ports import remembered_ports
from deploy.local.process import Child, together
from deploy.local.settings import StackSettings
from shared.adapters.kafka_access import KafkaAccess
from shared.runtime.errors import PermanentError


class Servers:
    """Both servers; one that the settings name is used as it is and never stopped."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._kafka: Kafka | None = None
        self._mongod: Mongod | None = None

    @property
    def kafka(self) -> KafkaAccess:
        """How Kafka is reached; known once started."""
        named = self._settings.kafka
        return replace(named, bootstrap=self._kafka.bootstrap) if self._kafka else named

    @property
    def mongodb_uri(self) -> str:
        """Where MongoDB answers, with all rights; known once started."""
        return self._settings.mongodb_uri or (self._mongod.uri if self._mongod else "")

    async def mongodb_uri_of(self, service: str, database: str) -> str:
        """Return the URI for a service: of a user of its own, or the one that the settings name."""
        return await self._mongod.uri_of(service, database) if self._mongod else self._settings.mongodb_uri

    @property
    def children(self) -> list[Child]:
        """The processes that are ours."""
        return [server for server in (self._kafka, self._mongod) if server is not None]

    async def start(self) -> None:
        """Return once both answer; the data of an earlier start is there again.

        Raises: PermanentError that names the server and its log, or what is to be installed.
        """
        if self._settings.kafka.tls and not self._settings.kafka_bootstrap:
            raise PermanentError(
                "our own Kafka has no TLS: unset CAKUPAN_KAFKA_SECURITY_PROTOCOL, "
                "or name yours in CAKUPAN_KAFKA_BOOTSTRAP"
            )
        await together(self._start_mongod(), self._start_kafka())

    async def stop(self) -> None:
        """Stop those that are ours."""
        await together(*(child.stop() for child in self.children))

    async def _start_kafka(self) -> None:
        if self._settings.kafka_bootstrap:
            return
        home = self._settings.home
        jars = await kafka_jars(home.log("maven"))
        ports = remembered_ports(home.ports, ["kafka", "kafka controller"])
        self._kafka = Kafka(home.kafka, jars, home.log("kafka"), (ports["kafka"], ports["kafka controller"]))
        await self._kafka.start()

    async def _start_mongod(self) -> None:
        if self._settings.mongodb_uri:
            return
        home = self._settings.home
        ports = remembered_ports(home.ports, ["mongod"])
        cache_gb = self._settings.mongodb_cache_gb
        home.keys.mkdir(parents=True, exist_ok=True)
        self._mongod = Mongod(home.mongodb, home.log("mongod"), ports["mongod"], cache_gb, home.keys)
        await self._mongod.start()
