"""A real Apache Kafka as a child process: one node, KRaft, on loopback."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, until_well

_JAVA: Final = (
    "java",
    # Enough for a laptop's load, and a start in two seconds: no optimising compiler, no threads for the collector.
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    f"-Dlog4j2.configurationFile={Path(__file__).parent / 'log4j2.properties'}",
)


class Kafka(Child):
    """One broker with its data in a folder; the same folder again has the same records."""

    def __init__(
        self,
        data: Path,
        jars: Path,
        log: Path,
        ports: tuple[int, int],
        own: Mapping[str, object] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        """Prepare; `ports` are the broker's and the controller's, `own` settings come on top of ours."""
        port, controller_port = ports
        self.bootstrap = f"{LOOPBACK}:{port}"
        self._own, self._format_options = own or {}, format_options
        self._controller = f"{LOOPBACK}:{controller_port}"
        self._data, self._settings = data, data / "server.properties"
        self._java = [*_JAVA, "-cp", f"{jars}/*"]
        super().__init__("kafka", [*self._java, "kafka.Kafka", str(self._settings)], log)

    async def start(self) -> None:
        """Return once the broker answers; its folder is formatted at the first start.

        Raises: PermanentError with the place of its log when it ends or does not answer in time.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(self._properties())
        if not (self._data / "records" / "meta.properties").exists():
            await self._format()
        await super().start()
        await until_well(self, self._trouble)

    async def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One id in 64 begins with "-": after "=" it is not taken for an option.
        command = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._settings)]
        await Child("kafka's formatter", [*self._java, *command, *self._format_options], self.log).run()

    async def _trouble(self) -> str:
        # Asking a closed port through the client would log an error each time.
        try:
            _, writer = await asyncio.open_connection(*self.bootstrap.split(":"))
        except OSError:
            return "its port is closed"
        writer.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            return "" if (await admin.describe_cluster())["brokers"] else "it has no broker yet"
        except (KafkaError, OSError, TimeoutError) as error:
            return f"it does not answer ({error!r})"
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
        return "".join(f"{name}={value}\n" for name, value in {**settings, **self._own}.items())
