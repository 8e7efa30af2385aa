"""A real Apache Kafka as a child process: one node, KRaft, on loopback."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.ports import LOOPBACK
from deploy.local.process import Child
from shared.runtime.errors import PermanentError

_JAVA: Final = (
    "java",
    # Enough for a laptop's load, and a start in two seconds: no optimising compiler, no threads for the collector.
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    f"-Dlog4j2.configurationFile={Path(__file__).parent / 'log4j2.properties'}",
)
_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1


_MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256")


@dataclass(frozen=True, slots=True)
class SecureListener:
    """A second way in, over TLS and with a login, as a cluster that is not on loopback has.

    `keystore` holds the broker's key and certificate as PEM; `users` are made when the folder is formatted.
    """

    port: int
    keystore: Path
    users: Mapping[str, str]

    @property
    def bootstrap(self) -> str:
        """Where it answers."""
        return f"{LOOPBACK}:{self.port}"


class Kafka:
    """One broker with its data in a folder; the same folder again has the same records."""

    def __init__(
        self, data: Path, jars: Path, log: Path, port: int, controller_port: int, secure: SecureListener | None = None
    ) -> None:
        self.bootstrap = f"{LOOPBACK}:{port}"
        self._secure = secure
        self._controller = f"{LOOPBACK}:{controller_port}"
        self._data = data
        self._classpath = f"{jars}/*"
        self._log = log
        self.child = Child("kafka", self._java("kafka.Kafka", str(self._settings)), log)

    @property
    def _settings(self) -> Path:
        return self._data / "server.properties"

    async def start(self) -> None:
        """Return once the broker answers; its folder is formatted at the first start.

        Raises: PermanentError with the log's place when it ends or does not answer in time.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(self._properties())
        if not (self._data / "records" / "meta.properties").exists():
            await self._format()
        await self.child.start()
        await self._answers()

    async def stop(self) -> None:
        """Stop the broker; what it has acknowledged stays."""
        await self.child.stop(_STOP_WITHIN_S)

    def _java(self, *arguments: str) -> list[str]:
        return [*_JAVA, "-cp", self._classpath, *arguments]

    async def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One id in 64 begins with "-": after "=" it is not taken for an option.
        command = self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._settings))
        for name, password in self._secure.users.items() if self._secure else ():
            for mechanism in _MECHANISMS:
                command += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
        await Child("kafka's formatter", command, self._log).run()

    async def _answers(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not await self._has_brokers():
            self.child.check()
            if time.monotonic() > deadline:
                raise PermanentError(f"kafka does not answer after {_READY_WITHIN_S:g} s; its log is {self._log}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _has_brokers(self) -> bool:
        # Asking a closed port through the client would log an error each time.
        try:
            _, writer = await asyncio.open_connection(*self.bootstrap.split(":"))
        except OSError:
            return False
        writer.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError, TimeoutError):
            # Starting: the deadline decides.
            return False
        finally:
            await admin.close()

    def _properties(self) -> str:
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{self._controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self._data / "records",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            # After a kill the controller waits this long before the broker may register again; the default is 9 s.
            "broker.session.timeout.ms": 5_000,
            "broker.heartbeat.interval.ms": 1_000,
            # One node can hold one copy; few partitions of the internal topics make a quick start.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # The default of 128 MB would be a third of the heap.
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        if self._secure:
            settings |= self._secured(self._secure)
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _secured(self, secure: SecureListener) -> dict[str, object]:
        """Return the settings that change with a secure listener."""
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "listeners": f"PLAINTEXT://{self.bootstrap},SASL_SSL://{secure.bootstrap},CONTROLLER://{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},SASL_SSL://{secure.bootstrap}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
            "sasl.enabled.mechanisms": ",".join(_MECHANISMS),
            **{f"listener.name.sasl_ssl.{name.lower()}.sasl.jaas.config": login for name in _MECHANISMS},
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": secure.keystore,
        }
