"""Hand-written stand-ins for what proving and rebuilding need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

from services.coverage.counting.change_log import LogPart
from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.movements import CountedChange, Movement, Step
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.proof.ports import Builds, Proof
from shared.regions.codes import holds, level_of
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease
from tests.fakes_coverage import MemoryStore


class MemoryLog:
    """A log of changes in memory, read by twos; the offset is the place in the list. A read finds what came late."""

    def __init__(self, changes: Mapping[int, Sequence[CountedChange]], name: str = "the topic") -> None:
        self.name = name
        self.there = {partition: list(some) for partition, some in changes.items()}
        self.opened_at: Mapping[int, int] = {}

    @asynccontextmanager
    async def opened(self, offsets: Mapping[int, int]) -> AsyncIterator[MemoryTail]:
        """See the port."""
        ends = {at: len(self.there.get(at, ())) for at in offsets}
        self.opened_at = {at: offset if offset <= ends[at] else 0 for at, offset in offsets.items()}
        yield MemoryTail(self, self.opened_at)


class MemoryTail:
    """What follows in a log in memory."""

    def __init__(self, log: MemoryLog, starts: Mapping[int, int]) -> None:
        self.starts = starts
        self._log = log
        self._read_to = dict(starts)

    async def read(self, partitions: Collection[int]) -> dict[int, LogPart]:
        """See the port."""
        parts = {}
        for at in partitions:
            first = self._read_to[at]
            if some := self._log.there.get(at, [])[first : first + 2]:
                self._read_to[at] = first + len(some)
                parts[at] = LogPart(some, range(first, first + len(some)), first + len(some))
        return parts


class MemoryCounted:
    """What a memory store has counted, spoilt by hand: `figures` and `rows` take the place of what it says."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.spoilt: dict[str, RegionCounts] = {}
        self.rows: dict[str, list[tuple[Step | Movement, int]]] = {}

    @asynccontextmanager
    async def point_in_time(self) -> AsyncIterator[MemoryPointInTime]:
        """See the port."""
        yield MemoryPointInTime(self)


class MemoryPointInTime:
    """Memory does not change while it is looked at."""

    def __init__(self, counted: MemoryCounted) -> None:
        self._counted = counted

    def _part(self, partition: int) -> MemoryStore:
        part = MemoryStore()
        part.flushes = [flush for flush in self._counted.store.flushes if flush.partition == partition]
        return part

    async def position(self, partition: int) -> Position:
        """See the port."""
        return (await self._counted.store.checkpoints())[partition].position

    async def regions(self, partition: int) -> list[str]:
        """See the port."""
        regions = await self._part(partition).regions_of(partition)
        provinces = {region[:2] for region in regions}
        return [*(r for r in regions if level_of(r) == "regency"), *provinces, *(["ID"] if regions else [])]

    async def figures(self, partition: int, region: str, flows_from: date) -> dict[str, RegionCounts]:
        """See the port."""
        part = self._part(partition)
        below = [one for one in await part.regions_of(partition) if holds(region, one)]
        regions = below if level_of(region) == "regency" else [region]
        figures = await part.figures(regions, flows_from)
        return figures | {one: spoilt for one, spoilt in self._counted.spoilt.items() if one in figures}

    async def tallies(self, partition: int, regions: Sequence[str]) -> dict[str, Tally]:
        """See the port."""
        return {one: (await self.figures(partition, one, date.max))[one].tally for one in regions}

    async def moved(self, partition: int, region: str) -> AsyncIterator[Sequence[tuple[Step | Movement, int]]]:
        """See the port."""
        if region in self._counted.rows:
            yield self._counted.rows[region]
        elif level_of(region) == "regency":
            for flush in self._part(partition).flushes:
                steps = [(Step(*key), people) for key, people in flush.sum.steps.items()]
                yield [
                    (step, n) for step, n in steps if holds(region, (step.target if step.after else step.origin) or "")
                ]
        else:
            timelines = await self._part(partition).timelines([region], date.min, date.min)
            yield [*timelines[region].movements]


class MemoryLeases:
    """One lease, as the real ones: free, expired, or the holder's own."""

    def __init__(self) -> None:
        self.holder: str | None = None
        self._token = 0
        self._until = datetime.min.replace(tzinfo=UTC)

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        """See the port."""
        if self.holder not in (None, holder) and now < self._until:
            return None
        self._token += self.holder != holder
        self.holder, self._until = holder, now + ttl
        return Lease(job, self._token, self._until)

    async def release(self, lease: Lease, holder: str) -> None:
        """See the port."""
        if self.holder == holder and lease.token == self._token:
            self.holder = None

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        """See the port; nobody shares this job."""
        return frozenset({holder})

    async def withdraw(self, holder: str) -> None:
        """See the port."""


class MemoryGenerations:
    """Stores by number; the flip swaps what the live one holds."""

    def __init__(self, live: MemoryStore) -> None:
        self.live = live
        self.stores: dict[int, MemoryStore] = {}
        self.number = 0
        self.on_hold: Callable[[], Awaitable[None]] | None = None
        self.refused = 0

    async def builds(self) -> Builds:
        """See the port."""
        building = next((number for number in self.stores if number > self.number), None)
        return Builds(self.number, building, tuple(range(self.number)))

    async def changes(self) -> dict[int, int]:
        """See the port."""
        return {self.number: sum((await self.hold()).values())}

    async def store(self, generation: int) -> MemoryStore:
        """See the port."""
        return self.stores.setdefault(generation, MemoryStore())

    async def hold(self) -> dict[int, int]:
        """See the port."""
        held = {at: one.position.next_seq for at, one in (await self.live.checkpoints()).items()}
        if self.on_hold:
            await self.on_hold()
        return held

    async def flip(self, generation: int, held: Mapping[int, int]) -> None:
        """See the port."""
        stands = {at: one.position.next_seq for at, one in (await self.live.checkpoints()).items()}
        if stands != held:
            self.refused += 1
            raise FencedError("a partition moved on")
        new = await self.stores[generation].checkpoints()
        assert {at: one.position.next_seq for at, one in new.items()} == held
        self.number, self.live.flushes = generation, self.stores[generation].flushes

    async def discard(self) -> int | None:
        """See the port."""
        building = (await self.builds()).building
        self.stores.pop(building or 0, None)
        return building

    async def drop_old(self) -> tuple[int, ...]:
        """See the port."""
        return (await self.builds()).old


class MemoryProofs:
    """Keeps how far the proof is."""

    def __init__(self, proof: Proof | None = None) -> None:
        self.proof = proof or Proof()

    async def read(self) -> Proof:
        """See the port."""
        return self.proof

    async def write(self, proof: Proof) -> None:
        """See the port."""
        self.proof = proof
