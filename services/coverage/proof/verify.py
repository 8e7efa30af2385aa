"""Proves the counters while counting goes on: compares them with pages, with each other, and with logs of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from services.coverage.counting.change_log import BeginningMissing, ChangeLog, LogIncomplete, LogWalk
from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import CountedChange, Step
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.proof.domain.recount import (
    Difference,
    Measures,
    Recount,
    differing,
    dues_and_news_in,
    flows_in,
    people_in,
)
from services.coverage.proof.mongo.counted import MongoCounted, MongoPointInTime
from shared.regions.codes import NATION, local, parent_of
from shared.runtime.clock import Clock
from shared.runtime.tasks import Turn

Judge = Callable[[Difference], None]
"""Called with every difference; it may raise, to stop at the first."""


class DifferenceFound(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """The first counter that is not as it must be."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


def stop(difference: Difference) -> None:
    """Stop at the first difference. Raises: DifferenceFound."""
    raise DifferenceFound(difference)


@dataclass(slots=True)
class Compared:
    """What was compared; `position` sums the partitions' next numbers, `unread` names logs without their beginning."""

    regions: int = 0
    changes: int = 0
    position: int = 0
    unread: list[str] = field(default_factory=list)


class Verifier:
    """Compares partition by partition while flushes go on: each piece of work reads one point in time, and is short."""

    def __init__(self, store: MongoCounted, logs: Sequence[ChangeLog], clock: Clock, judge: Judge) -> None:
        self._store = store
        self._logs = logs
        self._clock = clock
        self._judge = judge
        self.compared = Compared()

    async def pieces(self, partition: int) -> AsyncGenerator[int]:
        """Do the next piece of work whenever asked, and yield how many changes it read, until all is compared.

        First read the logs as far as the partition is counted, then compare the counters, region by region. Little is
        counted meanwhile: it is read from the logs before each region is compared.
        """
        self._partition = partition
        self._flows_from = first_day(local(NATION, self._clock.now()).date())
        self._counts: list[tuple[LogWalk, Recount]] = []
        async with AsyncExitStack() as opened:
            for log in self._logs:
                tail = await opened.enter_async_context(log.opened({partition: 0}))
                walk = LogWalk(log.name, tail, {partition: Position()})
                self._counts.append((walk, Recount(self._flows_from)))
            async with self._store.point_in_time() as now:
                await self._enter(now)
                regions = await now.regions(partition)
            async for changes in self._read_logs():
                yield changes
            for region in sorted({*regions, *(region for _, recount in self._counts for region in recount.paged)}):
                yield await self._compare(region)
            yield await self._compare_sums()
            self.compared.position += self._seq
            for _, recount in self._counts:
                await asyncio.to_thread(recount.forget)

    async def _enter(self, now: MongoPointInTime) -> None:
        """Note the number up to which the partition is counted at this point in time."""
        self._seq = await now.next_seq(self._partition)

    async def _read_logs(self) -> AsyncIterator[int]:
        """Count the logs up to the position, and yield the number of changes of each part read.

        A log that lacks changes is reported and left aside.
        """
        for walk, recount in list(self._counts):
            try:
                while read := await walk.read({self._partition: self._seq}):
                    changes = read[self._partition]
                    await asyncio.to_thread(_add, recount, changes)
                    self.compared.changes += len(changes)
                    yield len(changes)
            except BeginningMissing as missing:
                self.compared.unread.append(f"{missing}, and nothing proved by it")
                self._counts.remove((walk, recount))
            except LogIncomplete as missing:
                self._counts.remove((walk, recount))
                self._report(NATION, (f"{walk.log}, changes up to seq", self._seq, missing.next_seq))

    async def _compare(self, region: str) -> int:
        """Compare a region, and all below a regency, with its pages and with the logs."""
        before = self.compared.changes
        async with self._store.point_in_time() as now:
            await self._enter(now)
            async for _ in self._read_logs():
                continue
            found = await now.figures(self._partition, region, self._flows_from)
            paged = await self._paged(now, region)
        # In a thread, as in all that compares: a region of millions has tens of thousands of measures.
        await asyncio.to_thread(self._compare_with_counts, region, found, paged)
        return self.compared.changes - before

    def _compare_with_counts(self, region: str, found: Mapping[str, RegionCounts], paged: Recount) -> None:
        self._compare_positions(found)
        self._compare_figures(region, found, paged, of_pages=True)
        for _, recount in self._counts:
            self._compare_figures(region, found, recount, of_pages=False)
            self._report(region, differing(recount.movements(region), paged.movements(region)))

    async def _paged(self, now: MongoPointInTime, region: str) -> Recount:
        paged, turn = Recount(self._flows_from), Turn()
        async for rows in now.moved(self._partition, region):
            for row, people in rows:
                await turn.give_way()
                if isinstance(row, Step):
                    paged.add_step(row, people)
                else:
                    paged.add_movement(region, row, people)
        return paged

    def _compare_positions(self, found: Mapping[str, RegionCounts]) -> None:
        """Report a position that the partition never had; the nation takes part in every change, so it has the last."""
        for one, figures in found.items():
            if figures.position > self._seq or (one == NATION and figures.position < self._seq):
                self._report(one, ("position", self._seq, figures.position))

    def _compare_figures(
        self, region: str, found: Mapping[str, RegionCounts], recount: Recount, *, of_pages: bool
    ) -> None:
        for one in sorted({*found, *recount.regions(region)}):
            expected = RegionCounts(recount.tally(one), 0, recount.flows(one))
            there = _measures(found.get(one, RegionCounts()), of_pages=of_pages)
            self._report(one, differing(_measures(expected, of_pages=of_pages), there))
            self.compared.regions += 1

    async def _compare_sums(self) -> int:
        """Compare nation and provinces with the sums of their children; the pages have proved those of regencies.

        Which children there are is read anew: a regency may have been counted for the first time meanwhile.
        """
        async with self._store.point_in_time() as now:
            await self._enter(now)
            tallies = await now.tallies(self._partition, await now.regions(self._partition))
        await asyncio.to_thread(self._compare_with_children, tallies)
        return 0

    def _compare_with_children(self, tallies: Mapping[str, Tally]) -> None:
        below: dict[str, list[Tally]] = {region: [] for region in tallies if region == NATION or len(region) == 2}
        for region, tally in tallies.items():
            if (parent := parent_of(region)) is not None:
                below.setdefault(parent, []).append(tally)
        for parent, children in below.items():
            sum_, found = Tally(), tallies.get(parent, Tally())
            for child in children:
                sum_.add(child.as_below())
            if (difference := differing(_measures(RegionCounts(sum_)), _measures(RegionCounts(found)))) is not None:
                self._report(parent, (f"{difference[0]}, as the sum of its children", *difference[1:]))

    def _report(self, region: str, difference: tuple[str, object, object] | None) -> None:
        if difference is not None:
            self._judge(Difference(region, *difference, self._partition, self._seq))


def _add(recount: Recount, changes: Sequence[CountedChange]) -> None:
    recount.add(Sum(changes))


def _measures(figures: RegionCounts, *, of_pages: bool = False) -> Measures:
    """Return what changes can prove, which is everything; or what pages can prove."""
    others = {} if of_pages else dues_and_news_in(figures.tally)
    return {**people_in(figures.tally), **others, **flows_in(figures.flows)}
