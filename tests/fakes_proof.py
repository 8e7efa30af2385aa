"""Hand-written stand-ins for what proving and rebuilding need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date

from services.coverage.application.ports import Figures
from services.coverage.domain.counters import Tally
from services.coverage.domain.movements import Counted, Movement, Step
from services.coverage.domain.position import Position
from shared.regions.codes import holds, level_of
from tests.fakes_coverage import MemoryStore


class MemoryLog:
    """A log of changes in memory; what is put in later is found by who asks on."""

    def __init__(self, name: str, changes: Mapping[int, Sequence[Counted]]) -> None:
        self.name = name
        self.there = {partition: list(some) for partition, some in changes.items()}

    async def changes(self, partition: int) -> AsyncIterator[Sequence[Counted]]:
        """See the port."""
        read = 0
        while True:
            batch = self.there.get(partition, [])[read : read + 3]
            read += len(batch)
            yield batch


class MemoryCounted:
    """What a memory store has counted, spoilt by hand: `figures` and `rows` take the place of what it says."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.spoilt: dict[str, Figures] = {}
        self.rows: dict[str, list[tuple[Step | Movement, int]]] = {}

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[MemoryMoment]:
        """See the port."""
        yield MemoryMoment(self)


class MemoryMoment:
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

    async def figures(self, partition: int, region: str, flows_from: date) -> dict[str, Figures]:
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
