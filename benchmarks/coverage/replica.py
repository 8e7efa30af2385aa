"""One replica of coverage as a process of its own: how far it is, and what it takes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from deploy.local.ports import free_ports
from deploy.local.process import Child, until_ready
from deploy.local.settings import StackConfig, write_whole
from deploy.local.stack import services
from services.coverage.counting.mongo.store import MongoStore
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.mongo import Mongo
from shared.contracts import topics

_STOP_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.01
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


def beside(config: StackConfig) -> StackConfig:
    """Return the config with other ports of coverage, for one more replica."""
    port, operators = free_ports(2)
    return replace(config, ports={**config.ports, "coverage": port, "coverage_operators": operators})


async def apart(config: StackConfig, name: str) -> StackConfig:
    """Return the same servers with topics and a database that nobody else has."""
    own = replace(beside(config), namespace=f"{config.namespace}{name}.")
    # The stack's own user of coverage may use the stack's own database only.
    write_whole(own.home.mongodb_uri("coverage"), own.mongodb_uri)
    await ensure_topics(own.kafka, [topic.under(own.namespace) for topic in topics.ALL])
    return own


def database_of(config: StackConfig) -> Mongo:
    """Return the database of the coverage on this config."""
    return Mongo(config.mongodb_uri, f"{config.namespace.replace('.', '_')}cakupan_coverage", "benchmark")


class Replica:
    """Coverage, running."""

    def __init__(self, url: str, operators: str, pid: int, store: MongoStore) -> None:
        self.url = url
        self.operators = operators
        self._process = Path(f"/proc/{pid}")
        self._store = store

    async def counted(self) -> dict[int, int]:
        """Return how many changes of each partition are counted."""
        return {at: checkpoint.position.next_seq for at, checkpoint in (await self._store.checkpoints()).items()}

    async def until_counted(self, count: int) -> None:
        """Return once so many changes are."""
        while sum((await self.counted()).values()) < count:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(_LOOK_EVERY_S)

    @property
    def peak_mb(self) -> float:
        """The most memory that the process had, in millions of bytes."""
        status = (self._process / "status").read_text()
        return round(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)

    @property
    def cpu_s(self) -> float:
        """Seconds of a core that it took so far."""
        user, system = (self._process / "stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS_A_SECOND

    async def flush_size(self) -> int:
        """Return how many changes a flush had on average."""
        values = {one.name: one.value for one in await self._samples()}
        return round(values["coverage_flush_changes_sum"] / values["coverage_flush_changes_count"])

    async def partitions(self) -> int:
        """Return how many partitions of changes it reads."""
        return sum(one.name == "kafka_lag_records" for one in await self._samples())

    async def _samples(self) -> list[Sample]:
        async with httpx.AsyncClient(timeout=30) as http:
            page = (await http.get(f"{self.operators}/metrics")).text
        return [one for family in text_string_to_metric_families(page) for one in family.samples]


@asynccontextmanager
async def running(config: StackConfig, instance: str = "coverage-0") -> AsyncIterator[Replica]:
    """Yield a replica that has just been given its partitions, with whatever stands in the topic before it."""
    part = next(part for part in services(config) if part.name == "coverage")
    log = config.home.log(f"{instance}-{config.namespace}")
    child = Child(instance, part.command, log, {**part.environment, "CAKUPAN_INSTANCE": instance})
    mongo = database_of(config)
    await child.start()
    try:
        await until_ready(child, config.operators_url("coverage"))
        assert child.pid is not None
        yield Replica(config.url("coverage"), config.operators_url("coverage"), child.pid, MongoStore(mongo))
    finally:
        await child.stop(_STOP_WITHIN_S)
        mongo.close()
