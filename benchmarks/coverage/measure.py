"""What coverage counts a second, beside a loop that reads the same records and discards them; fresh within what; in
how much memory.

One replica is one process beside Kafka and MongoDB; all of them, and whoever publishes, share this machine's cores.

- replay: a million changes in 5,000 villages, all counters and flows, exactly once, from the moment at which the
  replica has its partitions. The limit is taken right before, on the same topic.
- live: changes at 5,000 a second, from due to counted, and the share of a core that counting takes.
- two: the same replay by two replicas, from the moment at which each has its half of the partitions.
- villages: as many changes again in few villages and in all of them, each in a topic of its own.
- peer: what is usually written (see `benchmarks/coverage/peer.py`), on a smaller topic of few villages.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.coverage import peer
from benchmarks.coverage.bare import discarded
from benchmarks.coverage.changes import changes, fill, now, villages
from benchmarks.coverage.live import live
from benchmarks.coverage.replica import Replica, apart, beside, running
from benchmarks.rates import Rate
from benchmarks.rates import publish as tell
from benchmarks.stack import started_stack
from deploy.local.process import Child
from deploy.local.settings import StackConfig
from shared.adapters.kafka_producer import Producer
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.contracts.changes import Change

_REPLAYED: Final = 1_000_000
_SPREAD_OUT: Final = 300_000
_FEW_VILLAGES: Final = 5_000
_ALL_VILLAGES: Final = 83_762
_TO_PEER: Final = 20_000
_LIVE_PER_SECOND: Final = 5_000
_LIVE_SECONDS: Final = 10
_CACHE_GB: Final = 4.0
"""Of MongoDB, for a million changes; what does not fit is read and written again and again."""
_LOOK_EVERY_S: Final = 0.1
_STOP_WITHIN_S: Final = 10.0


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
        await self._two()
        await self._peer()
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

    async def _two(self) -> None:
        config = await apart(self._config, "two")
        await fill(config, changes(_REPLAYED, villages(_FEW_VILLAGES), now()), _REPLAYED)
        async with running(config) as one, running(beside(config), "coverage-1") as other:
            while {await one.partitions(), await other.partitions()} != {topics.PARTITIONS // 2}:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)
            self.rates["replay by two replicas"] = Rate(await _replayed(one, _REPLAYED), None)

    async def _peer(self) -> None:
        """Measure from the peer's first messages on."""
        config = await apart(self._config, "peer")
        await fill(config, changes(_TO_PEER, villages(_FEW_VILLAGES), now()), _TO_PEER)
        bare = await discarded(config, _TO_PEER)
        database, topic = f"{config.namespace.replace('.', '_')}peer", topics.CHANGES.under(config.namespace).name
        mongo = Mongo(config.mongodb_uri, database, "benchmark")
        command = (sys.executable, "-m", "benchmarks.coverage.peer", config.kafka.bootstrap, topic)
        child = Child("peer", (*command, config.mongodb_uri, database), config.home.log("peer"))
        await child.start()
        try:
            while not (before := await _raised(mongo)):
                child.check()
                await asyncio.sleep(_LOOK_EVERY_S)
            began = perf_counter()
            while await _raised(mongo) < _TO_PEER:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(_LOOK_EVERY_S)
            rate = (_TO_PEER - before) / (perf_counter() - began)
            self.rates["the usual way (FastStream, Pydantic, update_one)"] = Rate(rate, bare)
        finally:
            await child.stop(_STOP_WITHIN_S)
            mongo.close()

    async def _spread_out(self, count: int) -> float:
        """Return changes a second, where so many villages are touched."""
        config = await apart(self._config, f"v{count}")
        await fill(config, changes(_SPREAD_OUT, villages(count), now()), _SPREAD_OUT)
        bare = await discarded(config, _SPREAD_OUT)
        async with running(config) as replica:
            rate = await _replayed(replica, _SPREAD_OUT)
        self.rates[f"replay of {_SPREAD_OUT:,} in {count:,} villages"] = Rate(rate, bare)
        return rate


async def _raised(mongo: Mongo) -> int:
    """Return how many messages the peer has taken into its counters."""
    pipeline = [{"$group": {"_id": None, "n": {"$sum": "$changes"}}}]
    found = await mongo[peer.COLLECTION].aggregate(pipeline).to_list(1)
    return int(found[0]["n"]) if found else 0


async def _replayed(replica: Replica, count: int) -> float:
    began, before = perf_counter(), sum((await replica.counted()).values())
    await replica.until_counted(count)
    return (count - before) / (perf_counter() - began)
