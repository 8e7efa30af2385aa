"""The launcher as a process: what stays of it, and what does not."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.local.settings import REPOSITORY
from shared.contracts.topics import CHANGES
from tests.waiting import eventually

LAUNCH = (sys.executable, "-m", "tests.deploy.launch")


@asynccontextmanager
async def launched(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield a launcher whose stack is up; kill it if it still runs afterwards."""
    process = await asyncio.create_subprocess_exec(*LAUNCH, str(folder), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while line := await process.stdout.readline():
                if b"Ctrl-C" in line:
                    break
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def children(pid: int) -> list[int]:
    """Return the processes that this one has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def all_gone(pids: list[int]) -> Callable[[], Awaitable[bool]]:
    """Return a probe that is true once none of these runs; one that waits to be buried runs no more."""

    async def probe() -> bool:
        states = [Path(f"/proc/{pid}/stat") for pid in pids]
        return all(not state.exists() or ") Z" in state.read_text() for state in states)

    return probe


def mongo(folder: Path, service: str = "registry") -> AsyncMongoClient[dict[str, Any]]:
    """Return a client of a service to the stack's MongoDB."""
    return AsyncMongoClient((folder / "keys" / f"{service}-mongodb.uri").read_text())


async def put_data(folder: Path, ports: dict[str, int]) -> None:
    """Leave a record in Kafka and a document in MongoDB."""
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{ports['kafka']}", acks="all")
    await producer.start()
    await producer.send_and_wait(CHANGES.name, b"kept", partition=3)
    await producer.stop()
    async with mongo(folder) as client:
        await client.cakupan_registry.things.insert_one({"_id": 1})


async def found_data(folder: Path, ports: dict[str, int]) -> tuple[bytes, int]:
    """Return the record and the number of documents that are there."""
    consumer = AIOKafkaConsumer(
        CHANGES.name, bootstrap_servers=f"127.0.0.1:{ports['kafka']}", auto_offset_reset="earliest"
    )
    await consumer.start()
    record = await asyncio.wait_for(consumer.getone(), 20)
    await consumer.stop()
    async with mongo(folder) as client:
        return record.value, await client.cakupan_registry.things.count_documents({})


async def demand_passwords(folder: Path, ports: dict[str, int]) -> None:
    """Nobody reads without one, no service reads another's database, and each may end what it left open."""
    bare = f"mongodb://127.0.0.1:{ports['mongod']}/?directConnection=true"
    async with AsyncMongoClient[dict[str, Any]](bare) as nobody, mongo(folder, "coverage") as coverage:
        for client in (nobody, coverage):
            with pytest.raises(OperationFailure, match=r"(requires authentication|not authorized)"):
                await client.cakupan_registry.things.find_one()
        await coverage.cakupan_coverage.things.create_index("name")
        await coverage.admin.command("killSessions", [])
    for file in (folder / "keys").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel ends orphans on Linux only")
async def test_neither_ctrl_c_nor_a_kill_leaves_a_process_and_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    """Six processes end with their launcher, killed or asked; Kafka's records and MongoDB's documents stay."""
    ports_file = tmp_path / "ports.json"
    async with launched(tmp_path) as first:
        started = children(first.pid)
        assert len(started) == 6
        ports = json.loads(ports_file.read_text())
        await put_data(tmp_path, ports)
        await demand_passwords(tmp_path, ports)
        first.kill()
        await first.wait()
        await eventually(all_gone(started))
    async with launched(tmp_path) as second:
        assert json.loads(ports_file.read_text()) == ports
        assert await found_data(tmp_path, ports) == (b"kept", 1)
        started = children(second.pid)
        second.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(second.wait(), 30) == 0
        await eventually(all_gone(started), within_s=1)
