"""The ways in for facts, each as a function that sends one fact and returns the answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts import topics
from tests.e2e.world import World

Fact = dict[str, Any]
Entrance = Callable[[World, Fact], Awaitable[httpx.Response | None]]
"""Returns None where the way has no answer of its own."""


async def single(world: World, fact: Fact) -> httpx.Response:
    """One structured CloudEvent."""
    return await _post(world, "facts", json.dumps(fact), {"content-type": "application/cloudevents+json"})


async def binary(world: World, fact: Fact) -> httpx.Response:
    """One CloudEvent with its attributes in headers."""
    headers = {f"ce-{name}": str(value) for name, value in fact.items() if name != "data"}
    return await _post(world, "facts", json.dumps(fact.get("data")), headers | {"content-type": "application/json"})


async def ndjson(world: World, fact: Fact) -> httpx.Response:
    """One line of a bulk."""
    return await _post(world, "facts/bulk", json.dumps(fact), {"content-type": "application/x-ndjson"})


async def csv_row(world: World, fact: Fact) -> httpx.Response:
    """One row of a bulk as CSV; a field that is no column becomes one."""
    row = {name: str(value) for name, value in fact.items() if name not in ("data", "specversion")}
    row["type"] = row.get("type", "").removeprefix("cakupan.").removesuffix(".v1")
    for name, value in fact.get("data", {}).items():
        if isinstance(value, dict):
            prefix = "" if name == "identity" else f"{name}_"
            row |= {f"{prefix}scheme": str(value.get("scheme")), f"{name}": str(value.get("value"))}
        else:
            row[name] = "|".join(map(str, value)) if isinstance(value, list) else str(value)
    row = {"other_identity" if name == "other" else name: value for name, value in row.items()}
    text = io.StringIO()
    writer = csv.DictWriter(text, row.keys())
    writer.writeheader()
    writer.writerow(row)
    return await _post(world, "facts/bulk", text.getvalue(), {"content-type": "text/csv"})


async def through_kafka(world: World, fact: Fact) -> None:
    """A structured record; a refusal is published on another topic."""
    producer = AIOKafkaProducer(bootstrap_servers=world.config.kafka.bootstrap)
    await producer.start()
    topic = topics.FACTS.under(world.config.namespace).name
    await producer.send_and_wait(topic, json.dumps(fact).encode(), headers=[("content-type", b"application/json")])
    await producer.stop()


async def all_taken_from_kafka(world: World) -> bool:
    """Say whether the registry has read the topic of facts to its end."""
    config = world.config
    topic, group = topics.FACTS.under(config.namespace).name, f"{config.namespace}registry"
    consumer = AIOKafkaConsumer(bootstrap_servers=config.kafka.bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(topics.FACTS.partitions)]
        ends = await consumer.end_offsets(places)
        return all([(await consumer.committed(place) or 0) == end for place, end in ends.items()])
    finally:
        await consumer.stop()


async def _post(world: World, path: str, body: str, headers: dict[str, str]) -> httpx.Response:
    return await world.request("POST", "registry", f"/v1/{path}", "upstream", content=body, headers=headers)


ENTRANCES: Final[dict[str, Entrance]] = {
    "single": single,
    "binary": binary,
    "ndjson": ndjson,
    "csv": csv_row,
    "kafka": through_kafka,
}
