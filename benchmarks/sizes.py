"""What a person, and a further fact of that person, take on the disks of MongoDB and Kafka: for docs/guides/scale.md.

A hundred thousand people enrol, then each pays a further month; after either, once coverage has counted all, the sizes
of collections, indexes and topics are read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from pymongo import AsyncMongoClient
from rich.table import Table

from benchmarks.registry.facts import facts
from benchmarks.report import keep
from benchmarks.stack import started_stack
from deploy.local.stack import LocalStack, services
from shared.adapters.settings import CommonSettings
from shared.contracts import topics

_PEOPLE: Final = 100_000
_LINES: Final = 5_000
_COUNTED_WITHIN_S: Final = 300
Sizes = dict[str, int]
"""Collection, its indexes, or topic → bytes on the disk."""


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    chosen = ("registry", "coverage")
    async with started_stack(lambda config: [part for part in services(config) if part.name in chosen]) as stack:
        empty = await _sizes(stack)
        enrolled = list(facts(_PEOPLE, run="sizes"))
        await _send(stack, enrolled)
        first = await _sizes(stack)
        await _send(stack, map(_payment, enrolled))
        second = await _sizes(stack)
    found = {
        "bytes_per_person_enrolled": _each(empty, first),
        "bytes_per_further_payment": _each(first, second),
    }
    settings = {"people": _PEOPLE, "load_average_before": round(os.getloadavg()[0], 2)}
    return keep("sizes", {"settings": settings, "measured": found}, _table(found))


def _payment(enrolment: bytes) -> bytes:
    """Return a payment for one month more than the enrolment says."""
    fact = msgspec.json.decode(enrolment)
    year, month = map(int, fact["data"]["paid_through"].split("-"))
    later = f"{year + month // 12}-{month % 12 + 1:02d}"
    data = {"identity": fact["data"]["identity"], "paid_through": later}
    return msgspec.json.encode(fact | {"id": f"p-{fact['id']}", "type": "cakupan.contribution_paid.v1", "data": data})


async def _send(stack: LocalStack, lines: Iterable[bytes]) -> None:
    """Return once all were accepted, published and counted."""
    headers = {
        "authorization": f"Bearer {stack.config.home.token('upstream')}", "content-type": "application/x-ndjson",
    }  # fmt: skip
    async with httpx.AsyncClient(timeout=60, headers=headers) as http:
        waiting = iter(lines)
        while part := list(islice(waiting, _LINES)):
            answer = await http.post(f"{stack.config.url('registry')}/v1/facts/bulk", content=b"\n".join(part))
            assert answer.is_success, answer.text
            assert not answer.json()["errors"], answer.text[:1000]
        async with asyncio.timeout(_COUNTED_WITHIN_S):
            while await _waiting(http, stack):  # noqa: ASYNC110 - other processes work
                await asyncio.sleep(0.5)


async def _waiting(http: httpx.AsyncClient, stack: LocalStack) -> float:
    """Return how many changes are not published or not counted yet."""
    total = 0.0
    for service, names in (("registry", "registry_ledger_unpublished "), ("coverage", "kafka_lag_records{")):
        text = (await http.get(f"{stack.config.operators_url(service)}/metrics")).text
        total += sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(names))
    return total


async def _sizes(stack: LocalStack) -> Sizes:
    config, found = stack.config, Sizes()
    databases = CommonSettings(namespace=config.namespace)
    async with AsyncMongoClient[dict[str, Any]](config.mongodb_uri) as client:
        await client.admin.command("fsync")
        for service in ("registry", "coverage"):
            database = client[databases.database(service)]
            for name in await database.list_collection_names():
                stats = await database.command("collStats", name)
                found[f"{service}.{name}"] = stats["storageSize"]
                found[f"{service}.{name}, indexes"] = stats["totalIndexSize"]
    for topic in (topics.CHANGES, topics.SNAPSHOTS):
        folders = config.home.kafka.glob(f"records/{topic.under(config.namespace).name}-*")
        found[topic.name] = sum(file.stat().st_size for folder in folders for file in folder.glob("*.log"))
    return found


def _each(before: Sizes, after: Sizes) -> Mapping[str, float]:
    grown = {name: (size - before.get(name, 0)) / _PEOPLE for name, size in after.items()}
    return {name: round(each, 1) for name, each in sorted(grown.items(), key=lambda one: -one[1]) if each >= 1}


def _table(found: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table("", *found, title="sizes")
    for name in dict.fromkeys(name for sizes in found.values() for name in sizes):
        table.add_row(name, *(f"{sizes.get(name, 0):.0f}" for sizes in found.values()))
    return table
