"""The whole stack as child processes: Kafka, mongod, the mailbox and the three services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.keys import AUDIENCE, ISSUER, Keys
from deploy.local.ports import demand_free, remembered_ports
from deploy.local.process import Child, together, until_ready
from deploy.local.servers import Servers
from deploy.local.settings import OPERATORS_HOST, StackConfig, StackSettings
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from shared.runtime.clock import SystemClock

_STOP_WITHIN_S: Final = 8.0
"""A service finishes its open requests within 5 s."""
_NOTIFIER_FILES: Final = Path(__file__).parent / "notifier"


@dataclass(frozen=True, slots=True)
class Part:
    """One process; it is ready when `GET /health/ready` answers 200 where its operators ask."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


Parts = Callable[[StackConfig], Sequence[Part]]
"""Makes the services' processes; a test may give stand-ins."""


def services(config: StackConfig) -> Sequence[Part]:
    """Return the three services, one replica each."""
    own = {
        "registry": {"REGISTRY_IDENTITY_KEY_FILE": str(config.home.keys / "identity.key")},
        "coverage": {},
        "notifier": {
            "NOTIFIER_SMTP_HOST": config.host,
            "NOTIFIER_SMTP_PORT": str(config.ports["smtp"]),
            "NOTIFIER_SMTP_SENDER": "Cakupan <cakupan@cakupan.local>",
            "NOTIFIER_RULES": str(_NOTIFIER_FILES / "rules.yaml"),
            "NOTIFIER_OFFICIALS": str(_NOTIFIER_FILES / "officials.yaml"),
            "NOTIFIER_PAGES_URL": config.url("coverage"),
        },
    }
    return [_service(name, config, environment) for name, environment in own.items()]


class LocalStack:
    """Start and stop it as a whole; kill and restart single processes by name."""

    def __init__(self, settings: StackSettings, services: Parts = services) -> None:
        """Prepare; `services` makes the processes that stand between Kafka and the mailbox."""
        self._settings = settings
        self._make_services = services
        self._servers = Servers(settings)
        self._running: dict[str, tuple[Part, Child]] = {}
        self._config: StackConfig | None = None

    @property
    def config(self) -> StackConfig:
        """Where the parts are; known once started."""
        assert self._config is not None, "the stack has not been started"
        return self._config

    async def start(self) -> None:
        """Return once every process is ready.

        1. Folders, ports and keys. 2. Kafka and mongod. 3. Topics. 4. The mailbox. 5. The services. After a failure in
        any step, `stop` ends what had been started.
        Raises: PermanentError or TransientError, one line, naming the part and what to do.
        """
        settings, servers = self._settings, self._servers
        settings.home.make()
        ports = self._choose_ports()
        Keys(settings.home).write_tokens(SystemClock().now())
        await servers.start()
        self._config = config = StackConfig(
            settings.home, settings.host, ports, servers.kafka, servers.mongodb_uri, settings.namespace
        )
        await ensure_topics(config.kafka, [topic.under(config.namespace) for topic in topics.ALL])
        await self._launch(_mailbox(config))
        await self._launch(*self._make_services(config))

    async def stop(self) -> None:
        """End everything in reverse order, within a bounded time."""
        children = {name: child for name, (_, child) in self._running.items()}
        await together(*(child.stop(_STOP_WITHIN_S) for name, child in children.items() if name != "mailbox"))
        await together(*(child.stop(_STOP_WITHIN_S) for child in children.values()))
        await self._servers.stop()
        self._running.clear()

    def pid(self, name: str) -> int | None:
        """Return the id of one process while it runs."""
        return self._running[name][1].pid

    async def kill(self, name: str) -> None:
        """End one process at once (SIGKILL); it stays away until `restart`."""
        await self._running[name][1].kill()

    async def restart(self, name: str) -> None:
        """Return once this one process has been ended, if it still ran, started anew, and is ready."""
        part, child = self._running[name]
        await child.stop(_STOP_WITHIN_S)
        await self._launch(part)

    async def watch(self) -> None:
        """Check the processes until one ends that nobody asked to.

        Raises: PermanentError with its name, exit code, last words and log.
        """
        while True:
            for child in [*self._servers.children, *(child for _, child in self._running.values())]:
                child.check()
            await asyncio.sleep(0.2)

    def _choose_ports(self) -> dict[str, int]:
        wanted = self._settings.ports
        ports = {name: port for name, port in wanted.items() if port}
        for name, port in ports.items():
            self._demand_free(name, port)
        return ports | remembered_ports(self._settings.home.ports, [name for name in wanted if name not in ports])

    def _demand_free(self, name: str, port: int) -> None:
        variable = "MAILBOX_SMTP_PORT" if name == "smtp" else f"{name.upper()}_PORT"
        demand_free(name, port, variable, OPERATORS_HOST if name.endswith("_operators") else self._settings.host)

    async def _launch(self, *parts: Part) -> None:
        """Return once all of these are ready; they start side by side."""
        children = []
        for part in parts:
            # Checked again, as fetching Kafka takes a while: a stranger there would answer for our process.
            for name in (part.name, f"{part.name}_operators"):
                if name in self.config.ports:
                    self._demand_free(name, self.config.ports[name])
            child = Child(part.name, part.command, self.config.home.log(part.name), part.environment)
            self._running[part.name] = (part, child)
            await child.start()
            children.append(child)
        await together(*(until_ready(child, self.config.operators_url(child.name)) for child in children))


def _mailbox(config: StackConfig) -> Part:
    environment = {
        "MAILBOX_FOLDER": str(config.home.mailbox),
        "MAILBOX_HOST": config.host,
        "MAILBOX_PORT": str(config.ports["mailbox"]),
        "MAILBOX_SMTP_PORT": str(config.ports["smtp"]),
    }
    return Part("mailbox", (sys.executable, "-m", "deploy.local.mailbox"), environment)


def _service(name: str, config: StackConfig, own: Mapping[str, str]) -> Part:
    environment = {
        "CAKUPAN_KAFKA_BOOTSTRAP": config.kafka.bootstrap,
        "CAKUPAN_MONGODB_URI": config.mongodb_uri,
        "CAKUPAN_NAMESPACE": config.namespace,
        "CAKUPAN_JWKS": str(config.home.keys / "jwks.json"),
        "CAKUPAN_TOKEN_ISSUER": ISSUER,
        "CAKUPAN_TOKEN_AUDIENCE": AUDIENCE,
        "CAKUPAN_INSTANCE": f"{name}-0",
        "CAKUPAN_HOST": config.host,
        "CAKUPAN_OPERATORS_HOST": OPERATORS_HOST,
        f"{name.upper()}_PORT": str(config.ports[name]),
        f"{name.upper()}_OPERATORS_PORT": str(config.ports[f"{name}_operators"]),
    }
    program = Path(sys.executable).parent / f"cakupan-{name}"
    return Part(name, (str(program), "serve"), {**environment, **own})
