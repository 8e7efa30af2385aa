"""Exactly once on a real MongoDB: any batching, any split among replicas, any crash point, duplicates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.coverage.counting.apply import Applier, ChangeBatch
from services.coverage.counting.catching_up import CatchingUp
from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.region_counts import Period
from services.coverage.counting.domain.rollup import Rollup
from services.coverage.counting.metrics import CountingMetrics
from services.coverage.counting.ports import Store
from shared.runtime.errors import FencedError
from tests.factories_coverage import OTHER_PROVINCE, OTHER_REGENCY, VILLAGE, change, counted, partition, state
from tests.fakes import ManualClock
from tests.stores_coverage import fresh_store

PLACES: Final = (VILLAGE, OTHER_REGENCY, OTHER_PROVINCE)
AT: Final = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
MOVES: Final = ("read", "flush", "flush twice", "close", "crash")
Move = tuple[int, str, int, int]
"""Which replica, what it does, to the partition of which place, and with how many records."""


def published(lengths: Sequence[int], again: Sequence[int]) -> dict[int, list[CountedChange]]:
    """Return the records of each partition: of so many changes, the last so many stand there twice."""
    records = {}
    for place, length, twice in zip(PLACES, lengths, again, strict=True):
        some = [counted(change(seq, after=state(place, active=seq % 3 > 0))) for seq in range(length)]
        records[partition(place)] = [*some, *some[length - min(twice, length) :]]
    return records


@dataclass
class Replica:
    """One of several that all believe to have every partition."""

    store: Store
    topic: dict[int, list[CountedChange]]
    open: dict[int, ChangeBatch] = field(default_factory=dict)
    closed: list[ChangeBatch] = field(default_factory=list)

    async def start(self) -> None:
        """Begin with nothing in memory, at the checkpoints."""
        metrics = CountingMetrics(CollectorRegistry())
        self.applier = Applier(self.store, CatchingUp(partition), ManualClock(), metrics, _ignored)
        self.closed = []
        await self._take_up(self.topic)

    async def _take_up(self, partitions: Collection[int]) -> None:
        self.open |= await self.applier.take_up(partitions)

    async def do(self, what: str, at: int, count: int) -> None:
        """Do one thing, as a replica may that knows nothing of the others."""
        if what == "crash":
            await self.start()
        elif what == "read":
            self.read(at, count)
        elif what == "close":
            # Closed and left lying, as by a process that is frozen just before it writes.
            self.closed.append(self.close(at))
        else:
            await self.flush([*self.closed, self.close(at)], times=2 if what == "flush twice" else 1)
            self.closed = []

    def read(self, at: int, count: int) -> None:
        """Take the next records of a partition."""
        first = self.open[at].next_offset
        if records := self.topic[at][first : first + count]:
            self.open[at].take(records, first + len(records), AT)

    def close(self, at: int) -> ChangeBatch:
        """Return the open batch of a partition; what is read later goes into the next."""
        closed, self.open[at] = self.open[at], self.open[at].successor()
        return closed

    async def flush(self, batches: Sequence[ChangeBatch], times: int = 1) -> None:
        """Commit closed batches, perhaps again as if the answer had been lost; who was fenced begins anew."""
        for one in batches:
            try:
                for _ in range(times):
                    await self.applier.commit([one])
            except FencedError:
                await self._take_up([one.partition])

    async def finish(self) -> None:
        """Count all that is left."""
        await self.start()
        for at, records in self.topic.items():
            self.read(at, len(records))
        await self.flush([self.close(at) for at in self.topic])


def _ignored(_places: Collection[str], _behind: bool) -> None:
    return


_lengths = st.lists(st.integers(0, 12), min_size=3, max_size=3)
_moves = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(MOVES), st.integers(0, 2), st.integers(1, 6)), max_size=25
)


@settings(max_examples=15)
@given(lengths=_lengths, again=_lengths, moves=_moves)
async def test_every_change_counts_once(
    mongodb_uri: str, lengths: list[int], again: list[int], moves: list[Move]
) -> None:
    """Two replicas read, write, freeze and crash in any order; what is counted in the end is each change, once."""
    topic = published(lengths, again)
    async with fresh_store(mongodb_uri, "t_exactly_once") as store:
        replicas = [Replica(store, topic), Replica(store, topic)]
        for replica in replicas:
            await replica.start()
        for who, what, place, count in moves:
            await replicas[who].do(what, partition(PLACES[place]), count)
        await replicas[0].finish()
        await _check(store, topic)


async def _check(store: Store, topic: dict[int, list[CountedChange]]) -> None:
    """Compare with the sum of each change, and the pages with the counters."""
    once = {(at, one.seq): one for at, records in topic.items() for one in records}
    expected = Rollup(Sum(once.values()))
    regions = [*expected.above, *PLACES]
    for region, line in (await store.timelines(regions, Period(date.min))).items():
        tally = expected.above[region] if region in expected.above else expected.places[region]
        assert (line.tally.registered, line.tally.active) == (tally.registered, tally.active)
        assert sum(people for _, people in line.movements) == tally.registered
        nobody = line.tally.without(line.movements)
        assert (nobody.registered, nobody.active) == (0, 0)
