"""Two replicas as processes of their own under a stream, killed and frozen again and again: counts stay exact."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.process import Child
from shared.adapters.mongo import Mongo
from tests.factories_coverage import OTHER_PROVINCE, OTHER_REGENCY, VILLAGE, joined
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

PLACES = (VILLAGE, OTHER_REGENCY, OTHER_PROVINCE, "63.10.03.2004", "64.01.01.2009", "73.01.01.1001")
"""Each of a partition of its own, whose numbers it begins."""
BATCH = 200
ROUNDS = 4


class Process:
    """A replica that can be killed, frozen and started again under its name."""

    def __init__(self, stack: Stack, name: str, folder: Path) -> None:
        self.port, operators_port = free_ports(2)
        self._stack = stack
        settings = stack.settings(name)
        environment = {
            "CAKUPAN_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "CAKUPAN_MONGODB_URI": settings.mongodb_uri,
            "CAKUPAN_NAMESPACE": settings.namespace,
            "CAKUPAN_JWKS": settings.jwks,
            "CAKUPAN_TOKEN_ISSUER": settings.token_issuer,
            "CAKUPAN_TOKEN_AUDIENCE": settings.token_audience,
            "CAKUPAN_INSTANCE": name,
            "COVERAGE_PORT": str(self.port),
            "COVERAGE_OPERATORS_PORT": str(operators_port),
        }
        command = (sys.executable, "-c", "from services.coverage.cli import app; app()", "serve")
        self.child = Child(name, command, folder / f"{name}-{self.port}.log", environment)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self.child.pid is not None
        os.kill(self.child.pid, number)

    @asynccontextmanager
    async def called(self) -> AsyncIterator[Replica]:
        """Yield hands to call it."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30) as http:
            yield Replica(http, self._stack.headers())


@pytest.fixture
async def replicas(stack: Stack, tmp_path: Path) -> AsyncIterator[list[Process]]:
    """Two replicas."""
    processes = [Process(stack, f"coverage-{number}", tmp_path) for number in range(2)]
    for process in processes:
        await process.child.start()
    yield processes
    for process in processes:
        await process.child.kill()


async def test_kills_and_zombies_count_nothing_twice(stack: Stack, replicas: list[Process], tmp_path: Path) -> None:
    """One is killed and started again; the other is frozen, replaced under its own name, and wakes as a zombie."""
    killed, frozen = replicas
    sent = 0
    for number in range(ROUNDS):
        await _stream(stack, sent)
        if number % 2:
            await killed.child.kill()
            await _stream(stack, sent + BATCH)
            await killed.child.start()
        else:
            frozen.signal(signal.SIGSTOP)
            await _stream(stack, sent + BATCH)
            heir = Process(stack, "coverage-1", tmp_path)
            await heir.child.start()
            replicas.append(heir)
            await _answers(heir)
            frozen.signal(signal.SIGCONT)
            # It goes on where it was, with what it had in hand, until its supervisor ends it.
            await _answers(frozen)
            await frozen.child.kill()
            frozen = heir
        sent += 2 * BATCH
    await _exact(stack, frozen, sent)


async def _stream(stack: Stack, first: int) -> None:
    await asyncio.gather(*(stack.publish(joined(BATCH, place, first=first)) for place in PLACES))


async def _answers(process: Process) -> None:
    """Wait until the process answers."""
    async with process.called() as replica:

        async def answers() -> bool:
            try:
                return bool(await replica.region("ID"))
            except httpx.TransportError as error:
                raise AssertionError("not up yet") from error

        await eventually(answers, within_s=30)


async def _exact(stack: Stack, process: Process, sent: int) -> None:
    """Every place has just what was sent to it, whoever counted; checkpoints and topic agree."""
    async with process.called() as replica:
        await eventually(lambda: replica.counts("ID", sent * len(PLACES)), within_s=60)
        for place in PLACES:
            assert (await replica.region(place))["registered"] == sent
    settings = stack.settings()
    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), "test")
    try:
        checkpoints = await mongo["checkpoints"].find().to_list(None)
        assert sum(one["next_seq"] for one in checkpoints) == sent * len(PLACES)
    finally:
        mongo.close()
