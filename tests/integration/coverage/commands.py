"""Runs commands of `cakupan-coverage` within the test."""

from __future__ import annotations

import asyncio

from typer.testing import CliRunner

from services.coverage.cli import app
from tests.commands import Ran
from tests.integration.coverage.stack import Stack


async def cakupan_coverage(stack: Stack, *arguments: str) -> Ran:
    """Return what became of the command, on the servers and names of the stack."""
    environment = {
        "CAKUPAN_KAFKA_BOOTSTRAP": stack.kafka,
        "CAKUPAN_MONGODB_URI": stack.mongodb,
        "CAKUPAN_NAMESPACE": stack.namespace,
    }
    ran = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)
    return Ran(ran.exit_code, ran.output)
