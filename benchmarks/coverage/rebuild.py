"""Whether a rebuild of ten million changes in every village of the country goes as fast at its end as at its beginning.

`cakupan-coverage rebuild` counts a topic that the live generation has wholly counted, beside Kafka and MongoDB. The
limit beside each million is a loop that reads all the records and discards them, taken before.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.coverage.bare import discarded
from benchmarks.coverage.changes import changes, fill, now, villages
from benchmarks.coverage.replica import apart, database_of
from benchmarks.rates import Rate, publish
from benchmarks.stack import started_stack
from deploy.local.process import Child
from deploy.local.settings import StackConfig
from deploy.local.stack import services
from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.position import Position
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.ports import Flush
from shared.adapters.kafka_producer import partition_for
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import regency_of

_CHANGES: Final = 10_000_000
_PARTS: Final = 10
_ALL_VILLAGES: Final = 83_762
_CACHE_GB: Final = 4.0
_LOOK_EVERY_S: Final = 0.2


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(lambda _config: [], mongodb_cache_gb=_CACHE_GB) as stack:
        config, places = await apart(stack.config, "rebuild"), villages(_ALL_VILLAGES)
        there = Counter[int]()
        await fill(config, _noted(changes(_CHANGES, places, now()), there), _CHANGES)
        bare = await discarded(config, _CHANGES)
        instants = await _rebuilt(config, there)
    size = _CHANGES // _PARTS
    took = [later - earlier for earlier, later in pairwise(instants)]
    rates = {f"changes {at * size + 1:,} to {(at + 1) * size:,}": Rate(size / s, bare) for at, s in enumerate(took)}
    rates["all of them"] = Rate(_CHANGES / (instants[-1] - instants[0]), bare)
    settings = {"changes": _CHANGES, "villages": len(places), "load_average_before": round(busy, 2)}
    return publish("rebuild", settings, rates, {"rate of the last part ÷ of the first": round(took[0] / took[-1], 2)})


def _noted(some: Iterator[Change], there: Counter[int]) -> Iterator[Change]:
    """Yield the changes, and count them by partition."""
    for change in some:
        there[partition_for(regency_of((change.after or change.before).region), PARTITIONS)] += 1  # type: ignore[union-attr]
        yield change


async def _rebuilt(config: StackConfig, there: Counter[int]) -> list[float]:
    """Return the instant at which the rebuild began, and those at which each part of the changes was counted."""
    mongo = database_of(config)
    live = MongoStore(mongo)
    await live.prepare()
    day = now().date()
    everything = {at: Position(count, count) for at, count in there.items()}
    await live.apply([Flush(at, Position(), end, Sum(), False, day) for at, end in everything.items()])
    service = next(part for part in services(config) if part.name == "coverage")
    command = (service.command[0], "rebuild")
    child = Child("rebuild", command, config.home.log("rebuild"), service.environment)
    began = perf_counter()
    running = asyncio.create_task(child.run())
    try:
        return [began, *await _marks(MongoStore(mongo, building=1), running)]
    finally:
        await running
        mongo.close()


async def _marks(building: MongoStore, running: asyncio.Task[None]) -> list[float]:
    """Return when each part of the changes was counted, the last when the rebuild has ended."""
    marks = list[float]()
    while not running.done():
        await asyncio.sleep(_LOOK_EVERY_S)
        counted = sum(checkpoint.position.next_seq for checkpoint in (await building.checkpoints()).values())
        marks += [perf_counter()] * (min(counted * _PARTS // _CHANGES, _PARTS - 1) - len(marks))
    return [*marks, perf_counter()]
