"""Proves the counters while they are added to: recounted from pages, from each other, and from logs of changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import Step
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.proof.domain.recount import (
    Difference,
    Measures,
    Recount,
    differing,
    dues_and_news_in,
    flows_in,
    people_in,
    total,
)
from services.coverage.proof.ports import ChangeLog, CountedStore, Moment
from services.coverage.proof.recounting import BeginningMissing, ChangesMissing, Recounting
from shared.regions.codes import NATION, local, parent_of
from shared.runtime.clock import Clock

Judge = Callable[[Difference], None]
"""What is done with a difference: it may raise, to stop at the first."""


class DifferenceFound(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """The first thing that is not as it must be."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


def stop(difference: Difference) -> None:
    """Judge that one is enough. Raises: DifferenceFound."""
    raise DifferenceFound(difference)


@dataclass(slots=True)
class Compared:
    """What was compared; `position` sums the partitions' numbers, `unread` says of which logs the beginning is gone."""

    regions: int = 0
    changes: int = 0
    position: int = 0
    unread: list[str] = field(default_factory=list)


class Verifier:
    """Compares partition by partition. Flushes go on: each piece is of one moment, and none takes long."""

    def __init__(self, store: CountedStore, logs: Sequence[ChangeLog], clock: Clock, judge: Judge) -> None:
        self._store = store
        self._logs = logs
        self._clock = clock
        self._judge = judge
        self.compared = Compared()

    def pieces(self, partition: int) -> AsyncGenerator[int]:
        """Do the next piece of work whenever asked, and yield how many changes it read, until all is compared."""
        flows_from = first_day(local(NATION, self._clock.now()).date())
        counts = [Recounting(log, partition, flows_from) for log in self._logs]
        return _Pass(self._store, partition, flows_from, counts, self._judge, self.compared).pieces()


class _Pass:
    """One partition's comparison."""

    def __init__(
        self, store: CountedStore, partition: int, flows_from: date, counts: list[Recounting], judge: Judge,
        compared: Compared,
    ) -> None:  # fmt: skip
        self._store = store
        self._partition = partition
        self._flows_from = flows_from
        self._opened = tuple(counts)
        self._counts = counts
        self._judge = judge
        self._compared = compared
        self._seq = 0

    async def pieces(self) -> AsyncGenerator[int]:
        """Do all of it, and let go of the logs."""
        try:
            async for changes in self._pieces():
                yield changes
        finally:
            for count in self._opened:
                await count.close()

    async def _pieces(self) -> AsyncIterator[int]:
        """Read the logs as far as the partition is counted; then compare what is counted, region by region.

        What is counted meanwhile is little; each region's moment has it read before comparing.
        """
        async with self._store.moment() as moment:
            await self._enter(moment)
            regions = await moment.regions(self._partition)
        for count in list(self._counts):
            while self._lacks(count):
                yield await self._read(count)
        for region in sorted({*regions, *(region for count in self._counts for region in count.recount.paged)}):
            yield await self._compare(region)
        yield await self._compare_sums(regions)
        self._compared.position += self._seq

    async def _enter(self, moment: Moment) -> None:
        self._seq = (await moment.position(self._partition)).next_seq

    def _lacks(self, count: Recounting) -> bool:
        return count in self._counts and count.next_seq < self._seq

    async def _read(self, count: Recounting) -> int:
        """Take in the log's next batch; a log that has no more is told of and left aside."""
        try:
            changes = await count.step(self._seq)
        except BeginningMissing as missing:
            self._compared.unread.append(str(missing))
        except ChangesMissing as missing:
            self._tell(NATION, (f"{missing.log}, changes up to seq", self._seq, missing.next_seq))
        else:
            self._compared.changes += changes
            return changes
        self._counts.remove(count)
        return 0

    async def _compare(self, region: str) -> int:
        """Compare a region, and all below a regency, with its pages and with the logs."""
        before = self._compared.changes
        async with self._store.moment() as moment:
            await self._enter(moment)
            for count in list(self._counts):
                while self._lacks(count):
                    await self._read(count)
            found = await moment.figures(self._partition, region, self._flows_from)
            paged = await self._paged(moment, region)
        self._compare_positions(found)
        self._compare_figures(region, found, paged, _of_pages)
        for count in self._counts:
            self._compare_figures(region, found, count.recount, _of_changes)
            self._tell(region, differing(count.recount.told(region), paged.told(region)))
        return self._compared.changes - before

    async def _paged(self, moment: Moment, region: str) -> Recount:
        paged = Recount(self._flows_from)
        async for rows in moment.moved(self._partition, region):
            for row, people in rows:
                if isinstance(row, Step):
                    paged.add_step(row, people)
                else:
                    paged.add_movement(region, row, people)
        return paged

    def _compare_positions(self, found: Mapping[str, RegionCounts]) -> None:
        """A region's position is one at which the partition stood; the nation has a part in every change."""
        for one, figures in found.items():
            if figures.position > self._seq or (one == NATION and figures.position < self._seq):
                self._tell(one, ("position", self._seq, figures.position))

    def _compare_figures(
        self,
        region: str,
        found: Mapping[str, RegionCounts],
        recount: Recount,
        measures: Callable[[RegionCounts], Measures],
    ) -> None:
        for one in sorted({*found, *recount.regions(region)}):
            expected = RegionCounts(recount.tally(one), 0, recount.flows(one))
            self._tell(one, differing(measures(expected), measures(found.get(one, RegionCounts()))))
            self._compared.regions += 1

    async def _compare_sums(self, regions: Sequence[str]) -> int:
        """Compare nation and provinces with the sums of what lies below them; of a regency the pages have shown it."""
        async with self._store.moment() as moment:
            await self._enter(moment)
            tallies = await moment.tallies(self._partition, regions)
        below: dict[str, list[Tally]] = {region: [] for region in tallies if region == NATION or len(region) == 2}
        for region, tally in tallies.items():
            if (parent := parent_of(region)) is not None:
                below.setdefault(parent, []).append(tally)
        for parent, children in below.items():
            sum_, found = total(children), tallies.get(parent, Tally())
            if (difference := differing(_in(sum_), _in(found))) is not None:
                self._tell(parent, (f"{difference[0]}, as the sum of its children", *difference[1:]))
        return 0

    def _tell(self, region: str, difference: tuple[str, object, object] | None) -> None:
        if difference is not None:
            self._judge(Difference(region, *difference, self._partition, self._seq))


def _in(tally: Tally) -> Measures:
    return {**people_in(tally), **dues_and_news_in(tally)}


def _of_pages(figures: RegionCounts) -> Measures:
    """Return what pages tell of."""
    return {**people_in(figures.tally), **flows_in(figures.flows)}


def _of_changes(figures: RegionCounts) -> Measures:
    """Return all that changes tell of."""
    return {**_in(figures.tally), **flows_in(figures.flows)}
