"""The whole stack as child processes: Kafka, mongod, the mailbox and the three services."""

from __future__ import annotations

import asyncio
from typing import Final

from deploy.local import parts
from deploy.local.addresses import Addresses
from deploy.local.keys import Keys
from deploy.local.parts import Ground, Part, Parts
from deploy.local.ports import demand_free, remembered_ports
from deploy.local.process import Child
from deploy.local.readiness import until_ready
from deploy.local.servers import Servers
from deploy.local.settings import StackSettings
from deploy.local.together import together
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from shared.runtime.clock import SystemClock

_STOP_WITHIN_S: Final = 8.0
"""A service finishes what is in flight within 5 s."""
_LOOK_EVERY_S: Final = 0.2


class LocalStack:
    """Start and stop it as a whole; kill and restart single processes by name."""

    def __init__(self, settings: StackSettings, services: Parts = parts.services) -> None:
        """Prepare; `services` makes the processes that stand between Kafka and the mailbox."""
        self._settings = settings
        self._make_services = services
        self._servers = Servers(settings)
        self._running: dict[str, tuple[Part, Child]] = {}
        self._ground: Ground | None = None

    @property
    def ground(self) -> Ground:
        """What the processes stand on; known once started."""
        assert self._ground is not None, "the stack has not been started"
        return self._ground

    @property
    def addresses(self) -> Addresses:
        """Where registry, coverage, notifier and mailbox answer."""
        return Addresses(*(self.ground.url(name) for name in ("registry", "coverage", "notifier", "mailbox")))

    @property
    def keys(self) -> Keys:
        """The keys with which this stack's tokens are signed."""
        return Keys(self._settings.home)

    async def start(self) -> None:
        """Return once every process is ready.

        1. Folders, ports and keys. 2. Kafka and mongod. 3. Topics. 4. The mailbox. 5. The services. Broken off
        anywhere, `stop` ends what had been started.
        Raises: PermanentError or TransientError, one line, naming the part and what to do.
        """
        self._settings.home.make()
        ports = self._choose_ports()
        self.keys.write_tokens(SystemClock().now())
        await self._servers.start()
        self._ground = self._lay_ground(ports)
        await self._ensure_topics()
        await self._launch(parts.mailbox(self.ground))
        await self._launch(*self._make_services(self.ground))

    async def stop(self) -> None:
        """End everything in reverse order, within a bounded time."""
        services = [child for name, (_, child) in self._running.items() if name != "mailbox"]
        await together(*(child.stop(_STOP_WITHIN_S) for child in services))
        await together(*(child.stop(_STOP_WITHIN_S) for _, child in self._running.values()))
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
        """Look after the processes until one ends that nobody asked to.

        Raises: PermanentError with its name, exit code, last words and log.
        """
        while True:
            for child in [*self._servers.children, *(child for _, child in self._running.values())]:
                child.check()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _choose_ports(self) -> dict[str, int]:
        wanted = self._settings.ports
        ports = {name: port for name, port in wanted.items() if port}
        for name, port in ports.items():
            self._demand_free(name, port)
        return ports | remembered_ports(self._settings.home.ports, [name for name in wanted if name not in ports])

    def _demand_free(self, name: str, port: int) -> None:
        demand_free(name, port, self._settings.variable(name), self._settings.host)

    def _lay_ground(self, ports: dict[str, int]) -> Ground:
        settings, servers = self._settings, self._servers
        return Ground(settings.home, settings.host, ports, servers.kafka, servers.mongodb_uri, settings.namespace)

    async def _ensure_topics(self) -> None:
        wanted = [topic.under(self.ground.namespace) for topic in topics.ALL]
        await ensure_topics(self.ground.kafka, wanted)

    async def _launch(self, *launched: Part) -> None:
        """Return once all of these are ready; they start side by side."""
        children = []
        for part in launched:
            # Looked at again, as fetching Kafka takes a while: a stranger there would answer for our process.
            self._demand_free(part.name, self.ground.ports[part.name])
            child = Child(part.name, part.command, self.ground.home.log(part.name), part.environment)
            self._running[part.name] = (part, child)
            await child.start()
            children.append(child)
        await together(*(until_ready(child, self.ground.url(child.name)) for child in children))
