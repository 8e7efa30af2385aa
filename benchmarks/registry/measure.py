"""What the registry takes in, sweeps and publishes a second, each beside its limit in the same run.

The registry is one process beside Kafka and MongoDB, as the local stack starts it, and so is the sender: all of them
share this machine's cores, with the limits too.

- bulk: NDJSON or CSV, durable and answered, against the bare transaction of a thousand facts; then NDJSON by two
  replicas on the same cores.
- single: 64 connections, each with one fact in flight, against a bare route with a bare group commit.
- sweep: facts of the future, all effective at one instant, as on a first of the month; against the bare transaction
  that changes the same people. Meanwhile single facts are sent, and their latency is taken.
- relay: a backlog, drained by the real relay in this process, against a bare producer.
- topic: from "accepted" until a consumer has the change, at 500 facts a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.rates import Rate, publish
from benchmarks.registry import bare
from benchmarks.registry.facts import facts
from benchmarks.registry.relaying import drained
from benchmarks.registry.senders import bulk, closed_loop
from benchmarks.registry.topic import accepted_to_topic
from benchmarks.report import Spread
from benchmarks.stack import registry_alone, started_stack
from deploy.local.ports import free_ports
from deploy.local.process import Child, until_ready
from deploy.local.sample.enrolments import COLUMNS, rows
from deploy.local.stack import LocalStack
from shared.adapters.mongo import Mongo

_BULK_FACTS: Final = 100_000
_BULK_LINES: Final = 5000
_BULK_CONNECTIONS: Final = 2
_SINGLE_FACTS: Final = 20_000
_CONNECTIONS: Final = 64
_BARE_GROUPS: Final = 40
_SWEPT: Final = 60_000
_SWEEP_IN: Final = timedelta(seconds=30)
_BACKLOG: Final = 200_000
_WARM_UP: Final = 2000
_STOP_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1

T = TypeVar("T")


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(registry_alone) as stack:
        found = await _Run(stack).all()
    settings = {
        "bulk_lines": _BULK_LINES, "bulk_connections": _BULK_CONNECTIONS, "single_connections": _CONNECTIONS,
        "bare_group": bare.GROUP, "load_average_before": round(busy, 2),
    }  # fmt: skip
    return publish("registry", settings, found)


class _Run:
    """One registry, and what is asked of it."""

    def __init__(self, stack: LocalStack) -> None:
        self._config = stack.config
        self._registry = stack.config.url("registry")
        self._token = (stack.config.home.tokens / "upstream.jwt").read_text()

    async def all(self) -> dict[str, Rate]:
        """Return every figure; the limits are taken right beside what they limit."""
        await self._bulk("warm", _WARM_UP, 0)
        inserting, changing = await self._with_mongo("bare", lambda mongo: bare.transactions(mongo, _BARE_GROUPS))
        taken_in = await self._bulk("bulk", _BULK_FACTS, 100_000)
        taken_as_csv = await self._bulk_csv()
        taken_by_two = await self._bulk_by_two()
        bare_single, bare_spread = await self._bare_single()
        single, spread = await self._single("single", _SINGLE_FACTS, 300_000)
        swept = await self._sweep()
        produced, in_batches = await bare.produced(self._config.kafka.bootstrap, self._config.namespace, _BACKLOG)
        relayed = await self._with_mongo("relay", lambda mongo: drained(mongo, self._config, _BACKLOG))
        to_topic = await accepted_to_topic(self._config, self._registry, self._token)
        return {
            "bulk NDJSON, facts": Rate(taken_in, inserting, 0.25),
            "bulk CSV, facts": Rate(taken_as_csv, inserting, 0.25),
            "bulk NDJSON by two replicas, facts": Rate(taken_by_two, inserting),
            "single POST": Rate(single, bare_single, 0.7, spread, bare_spread),
            "sweep, people": Rate(swept, changing, 0.25),
            "relay, changes": Rate(relayed, produced, 0.5),
            "relay, changes, beside a producer of batches": Rate(relayed, in_batches),
            "accepted → on the topic": Rate(to_topic.rate, None, None, to_topic.spread),
        }

    async def _with_mongo(self, database: str, work: Callable[[Mongo], Awaitable[T]]) -> T:
        """Return what the work gives on a database of its own, beside the registry's."""
        mongo = Mongo(self._config.mongodb_uri, f"{self._config.namespace.replace('.', '_')}{database}", "benchmark")
        try:
            return await work(mongo)
        finally:
            mongo.close()

    async def _bulk(self, run: str, count: int, first: int) -> float:
        sent = list(facts(count, run=run, first=first))
        return await bulk([self._registry], self._token, sent, _BULK_LINES, _BULK_CONNECTIONS)

    async def _bulk_csv(self) -> float:
        """Send the people of the sample's file, who are none of `facts`."""
        today = datetime.now(UTC).date()
        header, *lines = (",".join(row).encode() for row in (COLUMNS, *rows(_BULK_FACTS, today)))
        return await bulk([self._registry], self._token, lines, _BULK_LINES, _BULK_CONNECTIONS, header + b"\n")

    async def _bulk_by_two(self) -> float:
        """Send through the registry and one more replica, which runs only for this."""
        port, operators = free_ports(2)
        beside = replace(self._config, ports={**self._config.ports, "registry": port, "registry_operators": operators})
        (part,) = registry_alone(beside)
        other = Child(
            "registry-1",
            part.command,
            beside.home.log("registry-1"),
            {**part.environment, "CAKUPAN_INSTANCE": "registry-1"},
        )
        await other.start()
        try:
            await until_ready(other, beside.operators_url("registry"))
            sent = list(facts(_BULK_FACTS, run="two", first=700_000))
            both = [self._registry, beside.url("registry")]
            return await bulk(both, self._token, sent, _BULK_LINES, _BULK_CONNECTIONS)
        finally:
            await other.stop(_STOP_WITHIN_S)

    async def _single(self, run: str, count: int, first: int) -> tuple[float, Spread]:
        return await closed_loop(self._registry, self._token, list(facts(count, run=run, first=first)), _CONNECTIONS)

    async def _bare_single(self) -> tuple[float, Spread]:
        """Return requests a second of the bare route, and their spread; it runs only for this."""
        port = free_ports(1)[0]
        database = f"{self._config.namespace.replace('.', '_')}route"
        command = (
            sys.executable, "-m", "benchmarks.registry.bare_route", str(port), self._config.mongodb_uri, database
        )  # fmt: skip
        child = Child("bare route", command, self._config.home.log("bare-route"))
        await child.start()
        try:
            url = f"http://{self._config.host}:{port}"
            await until_ready(child, url)
            sent = list(facts(_SINGLE_FACTS, run="route", first=200_000))
            await closed_loop(url, self._token, sent[:_WARM_UP], _CONNECTIONS)
            return await closed_loop(url, self._token, sent, _CONNECTIONS)
        finally:
            await child.stop(_STOP_WITHIN_S)

    async def _sweep(self) -> float:
        """Return people a second, from the instant at which all of them are due until the last is swept."""
        due = datetime.now(UTC) + _SWEEP_IN
        sent = list(facts(_SWEPT, run="future", first=400_000, time=due))
        await bulk([self._registry], self._token, sent, _BULK_LINES, _BULK_CONNECTIONS)
        assert datetime.now(UTC) < due, "the facts of the future were not all sent before they were due"
        before = await self._swept()
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        began = perf_counter()
        while await self._swept() - before < _SWEPT:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(_LOOK_EVERY_S)
        return _SWEPT / (perf_counter() - began)

    async def _swept(self) -> float:
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"{self._config.operators_url('registry')}/metrics")).text
        samples = [one for family in text_string_to_metric_families(page) for one in family.samples]
        return sum(one.value for one in samples if one.name == "registry_swept_people_total")
