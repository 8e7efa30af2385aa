"""Runs commands of `cakupan-registry` within the test, and serves a registry for them to call."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from typer.testing import CliRunner

from services.registry.app import build
from services.registry.cli import app
from services.registry.settings import RegistrySettings
from tests.waiting import eventually


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and all it printed."""

    code: int
    said: str


async def cakupan_registry(*arguments: str, typed: str = "", environment: Mapping[str, str] | None = None) -> Ran:
    """Return what became of the command, given `typed` on its standard input."""
    ran = await asyncio.to_thread(CliRunner().invoke, app, arguments, input=typed, env=environment)
    return Ran(ran.exit_code, ran.output)


def environment_of(settings: RegistrySettings) -> dict[str, str]:
    """Return the variables that give a process these settings."""
    return {
        "CAKUPAN_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "CAKUPAN_MONGODB_URI": settings.mongodb_uri,
        "CAKUPAN_NAMESPACE": settings.namespace,
        "CAKUPAN_JWKS": settings.jwks,
        "REGISTRY_IDENTITY_KEY_FILE": str(settings.identity_key_file),
    }


@asynccontextmanager
async def listening(settings: RegistrySettings) -> AsyncIterator[str]:
    """Yield the address of a registry that serves on a socket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build(settings), log_config=None, lifespan="on"))
        serving = asyncio.create_task(server.serve(sockets=[free]))

        async def started() -> bool:
            return server.started

        await eventually(started)
        yield f"http://127.0.0.1:{free.getsockname()[1]}"
        server.should_exit = True
        await serving
