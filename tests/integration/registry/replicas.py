"""Registries as processes of their own, which a test may kill, and the import command beside them."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import free_ports
from deploy.local.process import Child, until_ready
from services.registry.settings import RegistrySettings
from tests.integration.registry.commands import environment

_PROGRAM = str(Path(sys.executable).parent / "cakupan-registry")


@dataclass
class Replica:
    """One process and its address."""

    child: Child
    url: str


@asynccontextmanager
async def replicas(settings: RegistrySettings, folder: Path, count: int) -> AsyncIterator[Sequence[Replica]]:
    """Yield so many replicas of one registry; end those that still run."""
    started = [_replica(settings, folder, number, port) for number, port in enumerate(free_ports(count))]
    try:
        await asyncio.gather(*(replica.child.start() for replica in started))
        await asyncio.gather(*(until_ready(replica.child, replica.url) for replica in started))
        yield started
    finally:
        await asyncio.gather(*(replica.child.kill() for replica in started))


def _replica(settings: RegistrySettings, folder: Path, number: int, port: int) -> Replica:
    named = environment(settings) | {"CAKUPAN_INSTANCE": f"registry-{number}", "REGISTRY_PORT": str(port)}
    log = folder / f"registry-{number}.log"
    return Replica(Child(f"registry-{number}", [_PROGRAM, "serve"], log, named), f"http://127.0.0.1:{port}")


async def command(*arguments: str) -> Process:
    """Return the running import command, with both its outputs as one."""
    return await asyncio.create_subprocess_exec(_PROGRAM, "import", *arguments, stdout=PIPE, stderr=STDOUT)


async def ended(running: Process) -> tuple[int, str]:
    """Return the exit code and all that was said."""
    said, _ = await running.communicate()
    assert running.returncode is not None
    return running.returncode, said.decode()
