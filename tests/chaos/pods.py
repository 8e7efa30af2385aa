"""Replicas of all three services as Kubernetes would run them, behind nginx, as behind the ingress."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Child, together, until_ready, until_well
from deploy.local.settings import REPOSITORY, SERVICES, StackConfig
from deploy.local.stack import Part
from tests.waiting import eventually

_UNPACKED: Final = REPOSITORY / ".tools" / "nginx" / "usr" / "sbin" / "nginx"
NGINX: Final = str(_UNPACKED) if _UNPACKED.exists() else shutil.which("nginx") or ""
"""`make test` unpacks Debian's package; else one on the PATH is taken."""
needs_nginx: Final = pytest.mark.skipif(not NGINX, reason="nginx is not here (Debian: make .tools/nginx/.installed)")


class Pod:
    """One replica. It keeps its name and its ports over a restart, as a pod of a StatefulSet keeps its name."""

    def __init__(self, part: Part, number: int, config: StackConfig) -> None:
        self.service, self.number, self.name = part.name, number, f"{part.name}-{number}"
        self.port, operators_port = free_ports(2)
        self.operators = f"http://{LOOPBACK}:{operators_port}"
        own = {
            "CAKUPAN_INSTANCE": self.name,
            f"{part.name.upper()}_PORT": str(self.port),
            f"{part.name.upper()}_OPERATORS_PORT": str(operators_port),
        }
        self._child = Child(self.name, part.command, config.home.log(self.name), {**part.environment, **own})

    async def start(self) -> None:
        """Return once it does all of its work, which the next pod waits for."""
        await self._child.start()
        await until_ready(self._child, self.operators)
        # The operators' listener is open a moment before this one.
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=5)) as http:
            await http.get(f"http://{LOOPBACK}:{self.port}/health/live")

    async def terminate(self, grace_s: float) -> None:
        """Send SIGTERM and return once it has ended by itself. Raises: AssertionError when the grace is over before."""
        pid = self._child.pid
        assert pid is not None, f"{self.name} has ended before"
        os.kill(pid, signal.SIGTERM)

        async def ended() -> bool:
            return self._child.pid is None

        await eventually(ended, within_s=grace_s)

    async def stop(self) -> None:
        """End it, whatever it does."""
        await self._child.stop()

    async def total(self, http: httpx.AsyncClient, sample: str) -> float:
        """Return the sum of a metric's samples; each begins with this text."""
        lines = (await http.get(f"{self.operators}/metrics")).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))


class Proxy:
    """nginx with one address a service; it forgets a pod that leaves, as the ingress forgets a terminating one.

    At first it knows the first pod of each service.
    """

    def __init__(self, config: StackConfig, pods: Sequence[Pod], folder: Path) -> None:
        self._config, self._pods, self._folder = config, pods, folder
        self._away = {pod for pod in pods if pod.number > 0}
        self._reloading = asyncio.Lock()
        folder.mkdir()
        self._child = Child("nginx", (NGINX, "-p", str(folder), "-c", "nginx.conf"), config.home.log("nginx"))

    async def start(self) -> None:
        """Return once it answers."""
        self._write()
        await self._child.start()
        async with httpx.AsyncClient() as http:

            async def trouble() -> str:
                try:
                    await http.get(self._config.url("registry"))
                except httpx.TransportError as error:
                    return str(error) or type(error).__name__
                return ""

            await until_well(self._child, trouble)

    async def stop(self) -> None:
        """End it."""
        await self._child.stop()

    async def forget(self, pod: Pod) -> None:
        """Return once no request is on its way to the pod and none will be."""
        self._away.add(pod)
        await self._reload()

    async def remember(self, pod: Pod) -> None:
        """Send requests to the pod again."""
        self._away.discard(pod)
        await self._reload()

    async def _reload(self) -> None:
        """Have new workers read the new file, and wait until the old ones have answered what they had and ended."""
        async with self._reloading:
            self._write()
            master = self._child.pid
            assert master is not None
            before = _workers(master)
            os.kill(master, signal.SIGHUP)

            async def replaced() -> bool:
                present = _workers(master)
                return bool(present) and not present & before

            await eventually(replaced, within_s=60)

    def _write(self) -> None:
        blocks = "\n".join(self._blocks(service) for service in SERVICES)
        fresh = self._folder / "nginx.conf.new"
        fresh.write_text(
            f"daemon off; worker_processes 1; pid {self._folder}/nginx.pid; error_log stderr warn;\n"
            "events {}\n"
            f"http {{ access_log off; client_body_buffer_size 1m; proxy_max_temp_file_size 0;\n{_TEMPORARY}\n"
            f"{blocks}\n}}\n"
        )
        fresh.replace(self._folder / "nginx.conf")

    def _blocks(self, service: str) -> str:
        here = [pod for pod in self._pods if pod.service == service and pod not in self._away]
        servers = " ".join(f"server {LOOPBACK}:{pod.port};" for pod in here)
        listen = f"{LOOPBACK}:{self._config.ports[service]}"
        return (
            f"upstream {service} {{ {servers} }}\n"
            f"server {{ listen {listen}; location / {{ proxy_pass http://{service}; proxy_set_header Host $host; }} }}"
        )


_TEMPORARY: Final = " ".join(
    f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
"""All of nginx's files stay in its folder."""


def _workers(master: int) -> set[str]:
    return set(Path(f"/proc/{master}/task/{master}/children").read_text().split())


@asynccontextmanager
async def running(parts: Sequence[Part], replicas: int, config: StackConfig) -> AsyncIterator[tuple[list[Pod], Proxy]]:
    """Yield that many pods a service, of which the first is doing its work, and nginx; end all of it afterwards."""
    pods = [Pod(part, number, config) for part in parts for number in range(replicas)]
    proxy = Proxy(config, pods, config.home.root / "nginx")
    try:
        await proxy.start()
        await together(*(pod.start() for pod in pods if pod.number == 0))
        yield pods, proxy
    finally:
        for pod in pods:
            await pod.stop()
        await proxy.stop()
