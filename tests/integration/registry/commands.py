"""The registry's commands as processes of their own, as an operator calls them."""

from __future__ import annotations

import asyncio
import os
import sys

from deploy.local.settings import REPOSITORY
from services.registry.settings import RegistrySettings

PROGRAM = (sys.executable, "-c", "from services.registry.cli import app; app()")
"""The console script, also where this tree is not the one that is installed."""


def environment(settings: RegistrySettings) -> dict[str, str]:
    """Return the variables that give a process these settings."""
    return {
        "CAKUPAN_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "CAKUPAN_MONGODB_URI": settings.mongodb_uri,
        "CAKUPAN_NAMESPACE": settings.namespace,
        "CAKUPAN_JWKS": settings.jwks,
        "CAKUPAN_TOKEN_ISSUER": settings.token_issuer,
        "CAKUPAN_TOKEN_AUDIENCE": settings.token_audience,
        "CAKUPAN_INSTANCE": settings.instance,
        "REGISTRY_PORT": str(settings.port),
        "REGISTRY_OPERATORS_PORT": str(settings.operators_port),
        "REGISTRY_IDENTITY_KEY_FILE": str(settings.identity_key_file),
    }


async def command(settings: RegistrySettings, *arguments: str) -> tuple[int | None, str, str]:
    """Return exit code, output and error output of a command with these settings."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=REPOSITORY,
        env={**os.environ, **environment(settings)},
    )  # fmt: skip
    out, error = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), error.decode()
