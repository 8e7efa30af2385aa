"""How long a change takes from "accepted" to a consumer of the topic, at a fixed rate of facts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import time
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer

from benchmarks.load import open_loop
from benchmarks.registry.facts import facts
from benchmarks.registry.senders import Lane
from benchmarks.report import Spread
from deploy.local.parts import Ground
from shared.contracts import topics
from shared.contracts.changes import Change

_PER_SECOND: Final = 500
_SECONDS: Final = 15
_WARM_UP_SECONDS: Final = 2
_LANES: Final = 64
_FIRST: Final = 600_000


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


async def accepted_to_topic(ground: Ground, registry: str, token: str) -> Watched:
    """Return the instants of facts sent at a fixed rate, open loop."""
    watched, count = Watched(), _PER_SECOND * (_SECONDS + _WARM_UP_SECONDS)
    free: asyncio.Queue[Lane] = asyncio.Queue()
    for _ in range(_LANES):
        free.put_nowait(await Lane.to(registry, token))
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    instants = [first + timedelta(milliseconds=number) for number in range(count)]

    async def send(number: int, _due: float) -> None:
        (body,) = facts(1, run="topic", first=_FIRST + number, time=instants[number])
        lane = await free.get()
        await lane.send(body)
        watched.accepted[instants[number]] = time()
        free.put_nowait(lane)

    began = time()
    watching = asyncio.create_task(_watch(ground, watched, set(instants)))
    await open_loop(count, _PER_SECOND, send)
    watched.rate = count / (time() - began)
    await watching
    return watched


async def _watch(ground: Ground, watched: Watched, expected: set[datetime]) -> None:
    """Return once every fact's change has been seen."""
    topic = topics.CHANGES.under(ground.namespace).name
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=ground.kafka.bootstrap, auto_offset_reset="latest")
    await consumer.start()
    try:
        while expected - watched.seen.keys():
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    watched.seen[msgspec.json.decode(record.value, type=Change).effective_at] = time()
    finally:
        await consumer.stop()
