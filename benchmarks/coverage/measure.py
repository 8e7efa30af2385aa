"""What coverage counts a second, beside a loop that reads the same records and discards them; fresh within what; in
how much memory.

One replica is one process beside Kafka and MongoDB; all of them, and whoever publishes, share this machine's cores.

- replay: a million changes in 5,000 villages, all counters and flows, exactly once, from the moment at which the
  replica has its partitions. The limit is taken right before, on the same topic.
- live: changes at 5,000 a second, from due to counted, and the share of a core that counting takes.
- villages: as many changes again in few villages and in all of them, each in a topic of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.coverage.bare import discarded
from benchmarks.coverage.changes import changes, fill, now, villages
from benchmarks.coverage.live import live
from benchmarks.coverage.replica import Replica, apart, running
from benchmarks.rates import Rate
from benchmarks.rates import publish as tell
from benchmarks.stack import started_stack
from deploy.local.settings import StackConfig
from shared.adapters.kafka_producer import Producer
from shared.contracts import topics
from shared.contracts.changes import Change

_REPLAYED: Final = 1_000_000
_SPREAD_OUT: Final = 300_000
_FEW_VILLAGES: Final = 5_000
_ALL_VILLAGES: Final = 83_762
_LIVE_PER_SECOND: Final = 5_000
_LIVE_SECONDS: Final = 10
_CACHE_GB: Final = 4.0
"""Of MongoDB, for a million changes; what does not fit is read and written again and again."""


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(lambda _config: [], mongodb_cache_gb=_CACHE_GB) as stack:
        run = _Run(stack.config)
        await run.all()
    settings = {"villages": _FEW_VILLAGES, "load_average_before": round(busy, 2)}
    return tell("coverage", settings, run.rates, run.figures)


class _Run:
    """What was found."""

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        self.rates: dict[str, Rate] = {}
        self.figures: dict[str, float] = {}

    async def all(self) -> None:
        """Measure one thing after another."""
        await self._replay_then_live()
        few, most = await self._spread_out(_FEW_VILLAGES), await self._spread_out(_ALL_VILLAGES)
        self.figures[f"cost of a change in {_ALL_VILLAGES:,} villages ÷ in {_FEW_VILLAGES:,}"] = round(few / most, 2)

    async def _replay_then_live(self) -> None:
        config = await apart(self._config, "replay")
        some = changes(_REPLAYED + _LIVE_PER_SECOND * _LIVE_SECONDS, villages(_FEW_VILLAGES), now())
        await fill(config, some, _REPLAYED)
        bare = await discarded(config, _REPLAYED)
        async with running(config) as replica:
            rate = await _replayed(replica, _REPLAYED)
            self.rates[f"replay of {_REPLAYED:,} changes"] = Rate(rate, bare, 0.25)
            self.figures["changes a flush and partition, replay"] = await replica.flush_size()
            self.figures["memory after replay, MB"] = replica.peak_mb
            await self._live(replica, config, some)

    async def _live(self, replica: Replica, config: StackConfig, some: Iterator[Change]) -> None:
        producer, cpu, began = Producer(config.kafka, "benchmark"), replica.cpu_s, perf_counter()
        try:
            topic = topics.CHANGES.under(config.namespace).name
            spread = await live(replica, producer, topic, some, _LIVE_PER_SECOND, _LIVE_SECONDS)
        finally:
            await producer.stop()
        took = perf_counter() - began
        self.rates["live, from due to counted"] = Rate(_LIVE_PER_SECOND * _LIVE_SECONDS / took, None, None, spread)
        self.figures["share of a core, live"] = round((replica.cpu_s - cpu) / took, 2)

    async def _spread_out(self, count: int) -> float:
        """Return changes a second, where so many villages are touched."""
        config = await apart(self._config, f"v{count}")
        await fill(config, changes(_SPREAD_OUT, villages(count), now()), _SPREAD_OUT)
        bare = await discarded(config, _SPREAD_OUT)
        async with running(config) as replica:
            rate = await _replayed(replica, _SPREAD_OUT)
        self.rates[f"replay of {_SPREAD_OUT:,} in {count:,} villages"] = Rate(rate, bare)
        return rate


async def _replayed(replica: Replica, count: int) -> float:
    began, before = perf_counter(), sum((await replica.counted()).values())
    await replica.until_counted(count)
    return (count - before) / (perf_counter() - began)
