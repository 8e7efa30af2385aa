"""The closed pages of the nation and the provinces, folded by month and kept in memory: a far day is read from them.

A page is closed once its partition is counted beyond its stretch: nothing is added to it any more. So what is folded
stays true, and a reader adds only the pages behind it. All of it follows from the pages, and is made at the first read.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.movements import Movement
from services.coverage.counting.domain.region_counts import Period, Timeline
from services.coverage.counting.mongo import pages
from services.coverage.counting.mongo.pages import SUMMED_WIDTH, Key, Sums, add_movements, packed, unpacked
from shared.adapters.mongo import Collection as Collected
from shared.adapters.mongo import Document, Session

_FOLDED_TOGETHER: Final = 12
"""Closed pages of a region that are folded at once, about one for each partition; fewer are read as they are."""
_LOOKED_FOR: Final = 200
"""Pages of a region that may exist and are asked for by name; if there are more, those that are closed are folded."""
_READ_AT_ONCE: Final = 200
"""Pages in memory at once: some 20 KB each."""
_PARTS: Final = 8
"""Packed parts of a cell, before they become one."""
_STATES: Final = 4
"""States kept of a region: a reader whose snapshot is a moment older than the newest state uses an earlier one."""
_MONTH: Final = len("2026-11")

Stretches = Mapping[int, int]
"""By partition: the first stretch that is not folded, or the one that is written now."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """The movements of one effective and one recorded month, packed, and what all of them come to."""

    parts: tuple[bytes, ...] = ()
    total: Tally = field(default_factory=Tally)

    def with_rows(self, rows: Mapping[Key, int]) -> _Cell:
        """Return a cell that has these rows too."""
        total = Tally(dict(self.total.people), arrivals=self.total.arrivals)
        for (_, _, *movement), people in rows.items():
            total.count(Movement(date.min, date.min, *movement), people)
        if len(self.parts) < _PARTS:
            return _Cell((*self.parts, packed(rows.items())), total)
        sums = dict(rows)
        for part in self.parts:
            for key, people in unpacked(part, SUMMED_WIDTH):
                sums[key] = sums.get(key, 0) + people
        return _Cell((packed([row for row in sums.items() if row[1]]),), total)


@dataclass(frozen=True, slots=True)
class Folded:
    """The pages of a region below these stretches, by effective and recorded month."""

    below: Stretches = field(default_factory=dict)
    cells: Mapping[tuple[str, str], _Cell] = field(default_factory=dict)

    def with_pages(self, closed: Iterable[Document]) -> Folded:
        """Return what is folded with these pages too."""
        added = defaultdict[tuple[str, str], dict[Key, int]](dict)
        for page in closed:
            for part in page["rows"]:
                for key, people in unpacked(part, SUMMED_WIDTH):
                    rows = added[key[0][:_MONTH], key[1][:_MONTH]]
                    rows[key] = rows.get(key, 0) + people
        cells = {month: self.cells.get(month, _Cell()).with_rows(rows) for month, rows in added.items()}
        return replace(self, cells={**self.cells, **cells})

    def add_to(self, line: Timeline, sums: Sums, period: Period) -> None:
        """Take the months that came later out of the line's counts; add the rows of other months to the sums."""
        after, until, known_at = (day.isoformat()[:_MONTH] for day in period)
        for (effective, recorded), cell in self.cells.items():
            if effective > until or recorded > known_at:
                line.tally.subtract(cell.total)
            elif effective >= after or recorded == known_at:
                for part in cell.parts:
                    sums.add(part)

    def is_before(self, now: Stretches) -> bool:
        """Say whether all pages folded are closed where the partitions write these stretches."""
        return all(stretch <= now[partition] for partition, stretch in self.below.items())


@dataclass(slots=True)
class Read:
    """A region's pages as they were read: what is folded of them, those closed since, and those written now."""

    folded: Folded
    closed: list[Document] = field(default_factory=list)
    written: list[Document] = field(default_factory=list)

    def add_to(self, line: Timeline, period: Period) -> None:
        """Make the counts now, which the line has, those at the end of the period, and list its movements."""
        sums = Sums(period, SUMMED_WIDTH)
        self.folded.add_to(line, sums, period)
        for page in (*self.closed, *self.written):
            sums.add_page(page)
        add_movements(line, sums, period)

    async def fold(self) -> None:
        """Fold the closed pages. A thread does it: a page may take milliseconds."""
        self.folded, self.closed = await asyncio.to_thread(self.folded.with_pages, self.closed), []


class FoldedPages:
    """Keeps the folded pages of the nation and the provinces, of the generation that was read last."""

    def __init__(self) -> None:
        self._generation = 0
        self._states: dict[str, deque[Folded]] = {}
        self._reading = asyncio.Lock()

    async def read(
        self, collection: Collected, generation: int, regions: Collection[str], now: Stretches, session: Session
    ) -> dict[str, Read]:
        """Return the pages of these regions at the session's point in time, where partitions write the stretches `now`.

        A region is missing if that time is before all that is folded: its pages must then be read as they are.
        """
        async with self._reading:
            if generation > self._generation:
                self._generation, self._states = generation, {}
            found = {
                region: Read(folded)
                for region in regions
                if generation == self._generation and (folded := self._before(region, now)) is not None
            }
            names = {region: list(_identities(region, read.folded.below, now)) for region, read in found.items()}
            everything = [name for of_region in names.values() for name in of_region]
            for first in range(0, len(everything), _READ_AT_ONCE):
                some = everything[first : first + _READ_AT_ONCE]
                # The region is the shard key; read by it alone, pages that are folded would be read again.
                asked = {"_id": {"$in": some}, "region": {"$in": sorted({name.split()[0] for name in some})}}
                async for page in collection.find(asked, session=session).hint("_id_"):
                    read = found[page["region"]]
                    is_closed = _stretch(page) < now[page["partition"]]
                    (read.closed if is_closed else read.written).append(page)
                for read in found.values():
                    if len(read.closed) >= _READ_AT_ONCE:
                        await read.fold()
            for region, read in found.items():
                if len(names[region]) > _LOOKED_FOR or len(read.closed) >= _FOLDED_TOGETHER:
                    await read.fold()
                    read.folded = replace(read.folded, below=now)
                    self._states.setdefault(region, deque(maxlen=_STATES)).appendleft(read.folded)
        return found

    def _before(self, region: str, now: Stretches) -> Folded | None:
        """Return the newest state of a region that is not beyond these stretches; an empty one if there is no state."""
        states = self._states.get(region)
        return Folded() if states is None else next((one for one in states if one.is_before(now)), None)


def _stretch(page: Document) -> int:
    return int(page["_id"].rpartition(" ")[2])


def _identities(region: str, below: Stretches, now: Stretches) -> Iterator[str]:
    for partition, last in now.items():
        for stretch in range(below.get(partition, 0), last + 1):
            yield f"{region} {partition} {stretch}"


def stretches(checkpoints: Iterable[Document]) -> Stretches:
    """Return the stretch that each partition writes now."""
    return {one["_id"]: one["next_seq"] // pages.STRETCH for one in checkpoints}
