"""How long a change takes from "accepted" to a consumer of the topic, at a fixed rate of facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import time
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.load import open_loop
from benchmarks.registry.facts import facts
from benchmarks.registry.senders import LanePool
from benchmarks.report import Spread
from deploy.local.settings import StackConfig
from shared.contracts import topics
from shared.contracts.changes import Change

_PER_SECOND: Final = 500
_SECONDS: Final = 15
_WARM_UP_SECONDS: Final = 2
_LANES: Final = 64
_FIRST: Final = 600_000
_APART: Final = timedelta(milliseconds=1)


@dataclass(slots=True)
class Watched:
    """Instants by the number of the fact, in seconds of the wall clock; a fact is known by its own `effective_at`."""

    rate: float = 0.0
    accepted: dict[datetime, float] = field(default_factory=dict)
    seen: dict[datetime, float] = field(default_factory=dict)

    @property
    def spread(self) -> Spread:
        """The spread of what was accepted after the warm-up; a change may be seen before its sender hears of it."""
        measured = list(self.accepted.items())[_PER_SECOND * _WARM_UP_SECONDS :]
        return Spread.of([max(0.0, self.seen[fact] - accepted) for fact, accepted in measured])


async def accepted_to_topic(config: StackConfig, registry: str, token: str) -> Watched:
    """Return the instants of facts sent at a fixed rate, open loop."""
    watched, count = Watched(), _PER_SECOND * (_SECONDS + _WARM_UP_SECONDS)
    lanes = await LanePool.to(registry, token, _LANES)
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    bodies = list(facts(count, run="topic", first=_FIRST, time=first, apart=_APART))
    instants = [first + number * _APART for number in range(count)]

    async def send(number: int, _due: float) -> None:
        await lanes.send(bodies[number])
        watched.accepted[instants[number]] = time()

    async with _at_the_end(config) as consumer:
        watching = asyncio.create_task(_watch(consumer, watched, set(instants)))
        began = time()
        await open_loop(count, _PER_SECOND, send)
        watched.rate = count / (time() - began)
        await asyncio.wait_for(watching, _SECONDS)
    return watched


@asynccontextmanager
async def _at_the_end(config: StackConfig) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer that has found the end of every partition: what comes from now on it sees."""
    topic = topics.CHANGES.under(config.namespace)
    places = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=config.kafka.bootstrap)
    await consumer.start()
    try:
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        yield consumer
    finally:
        await consumer.stop()


async def _watch(consumer: AIOKafkaConsumer, watched: Watched, expected: set[datetime]) -> None:
    """Return once every fact's change has been seen."""
    while expected - watched.seen.keys():
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                watched.seen[msgspec.json.decode(record.value, type=Change).effective_at] = time()
