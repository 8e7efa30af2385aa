"""Replicas of the registry as processes of their own, each behind its port, that can be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Child
from services.registry.settings import RegistrySettings
from tests.integration.registry.commands import PROGRAM, environment
from tests.waiting import eventually


class Replica:
    """One registry process."""

    def __init__(self, settings: RegistrySettings, log: Path) -> None:
        self.url = f"http://{LOOPBACK}:{settings.port}"
        self._operators = f"http://{LOOPBACK}:{settings.operators_port}"
        self._child = Child(settings.instance, (*PROGRAM, "serve"), log, environment(settings))

    async def start(self) -> None:
        """Return once the process exists."""
        await self._child.start()

    async def kill(self) -> None:
        """SIGKILL."""
        await self._child.kill()

    async def stop(self) -> None:
        """Let it finish."""
        await self._child.stop(10)

    async def answers(self, http: httpx.AsyncClient) -> None:
        """Return once it is ready. Raises: PermanentError when it has ended."""

        async def ready() -> bool:
            self._child.check()
            try:
                return (await http.get(f"{self.url}/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, within_s=60)

    async def gauge(self, http: httpx.AsyncClient, name: str) -> float:
        """Return the present value of a metric without labels."""
        text = (await http.get(f"{self._operators}/metrics")).text
        return next(float(line.split(" ")[1]) for line in text.splitlines() if line.startswith(f"{name} "))


@asynccontextmanager
async def started(settings: RegistrySettings, count: int, folder: Path) -> AsyncIterator[list[Replica]]:
    """Yield that many replicas of one registry, all being started; stop them afterwards."""
    replicas = [
        Replica(_at(settings, n, *ports), folder / f"registry-{n}.log")
        for n, ports in enumerate(zip(*[iter(free_ports(2 * count))] * 2, strict=True))
    ]
    try:
        for replica in replicas:
            await replica.start()
        yield replicas
    finally:
        for replica in replicas:
            await replica.stop()


def _at(settings: RegistrySettings, number: int, port: int, operators_port: int) -> RegistrySettings:
    own = {"instance": f"registry-{number}", "port": port, "operators_port": operators_port}
    return settings.model_copy(update=own)
