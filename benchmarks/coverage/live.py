"""Changes at a fixed rate, and how long each takes from the topic to the counters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from time import perf_counter
from typing import Final

from benchmarks.coverage.changes import publish
from benchmarks.coverage.replica import Replica
from benchmarks.report import Spread
from shared.adapters.kafka_producer import Producer
from shared.contracts.changes import Change

_SLICE_S: Final = 0.05
"""The registry's relay publishes as often when facts come fast."""
_LOOK_EVERY_S: Final = 0.01


async def live(
    replica: Replica, producer: Producer, topic: str, some: Iterator[Change], per_second: int, seconds: int
) -> Spread:
    """Return the spread from a slice's being due until its last change is counted: an open loop, slice by slice."""
    before, counted = sum((await replica.counted()).values()), list[tuple[float, int]]()
    size, total = int(per_second * _SLICE_S), per_second * seconds
    watching = asyncio.create_task(_watch(replica, before + total, counted))
    due, began = list[float](), perf_counter()
    for number in range(total // size):
        due.append(began + number * _SLICE_S)
        await asyncio.sleep(max(0.0, due[-1] - perf_counter()))
        await publish(producer, topic, islice(some, size))
    await watching
    return Spread.of(list(_waits(due, size, before, counted)))


async def _watch(replica: Replica, until: int, counted: list[tuple[float, int]]) -> None:
    """Note how many changes are counted when, until all are."""
    while not counted or counted[-1][1] < until:
        number = sum((await replica.counted()).values())
        counted.append((perf_counter(), number))
        await asyncio.sleep(_LOOK_EVERY_S)


def _waits(due: list[float], size: int, before: int, counted: list[tuple[float, int]]) -> Iterator[float]:
    """Yield for each slice how long it took until no change of it was left."""
    looks = iter(counted)
    at, number = next(looks)
    for place, instant in enumerate(due):
        while number < before + (place + 1) * size:
            at, number = next(looks)
        yield at - instant
