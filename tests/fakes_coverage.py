"""Hand-written stand-ins for coverage's ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import flows_of
from services.coverage.counting.domain.movements import Movement, Step, lineage, seen
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import Period, RegionCounts, Timeline, Version
from services.coverage.counting.ports import Checkpoint, Flush, Store
from services.coverage.public.domain.release import Month
from services.coverage.public.ports import Encoded, Release
from services.coverage.reading.boards import Boards
from services.coverage.reading.derived import Deriver
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.potentials import Children, Potentials
from services.coverage.reference.domain.reference import RecordedRow, ReferenceIndex, new_rows
from services.coverage.reference.ports import Rows, Statements
from shared.adapters.kafka_partitions import OwnedPartitions, ReaderMetrics
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import holds, level_of, parent_of
from shared.runtime.errors import FencedError, TransientError
from tests.fakes import ManualClock


def seen_in(region: str, steps: Iterable[tuple[Step, int]]) -> Iterator[tuple[Movement, int]]:
    """Yield the steps that the region has a part in, each with its number of people."""
    for step, people in steps:
        if (movement := seen(step, region)) is not None:
            yield movement, people


class MemoryStore:
    """Keeps flushes as they came and adds them up when asked."""

    def __init__(self) -> None:
        self.flushes: list[Flush] = []
        self.down = False
        self._checkpoints = {partition: Checkpoint(Position(), behind=False) for partition in range(PARTITIONS)}

    async def checkpoints(self) -> dict[int, Checkpoint]:
        return dict(self._checkpoints)

    async def apply(self, flushes: Sequence[Flush]) -> None:
        if self.down:
            raise TransientError("the store is away")
        if any(self._checkpoints[flush.partition].position != flush.before for flush in flushes):
            raise FencedError("a partition stands elsewhere")
        for flush in flushes:
            moved = replace(self._checkpoints[flush.partition], position=flush.after, behind=flush.behind)
            self._checkpoints[flush.partition] = moved
        self.flushes += flushes

    async def mark_caught_up(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._checkpoints[partition] = replace(self._checkpoints[partition], behind=False)

    async def resume(self, partition: int, before: Position, after: Position) -> None:
        checkpoint = self._checkpoints[partition]
        if checkpoint.position != before:
            raise FencedError("the partition stands elsewhere")
        self._checkpoints[partition] = Checkpoint(after, checkpoint.behind, checkpoint.resumed + 1)

    async def figures(
        self, regions: Collection[str], flows_from: date | None, known: Mapping[str, Version] | None = None
    ) -> dict[str, RegionCounts]:
        self._refuse_while_down()
        lines = {region: self._line(region) for region in regions}
        figures = {region: _figures(line, flows_from) for region, line in lines.items()}
        return {region: found for region, found in figures.items() if not known or known.get(region) != found.version}

    @asynccontextmanager
    async def point_in_time(self) -> AsyncIterator[MemoryStore]:
        then = MemoryStore()
        then.flushes, then.down = [*self.flushes], self.down
        yield then

    async def timelines(
        self, regions: Collection[str], period: Period, known: Mapping[str, Version] | None = None
    ) -> dict[str, Timeline]:
        self._refuse_while_down()
        lines = {region: self._timeline(region, period) for region in regions}
        return {region: line for region, line in lines.items() if not known or known.get(region) != line.version}

    def _refuse_while_down(self) -> None:
        if self.down:
            raise TransientError("the store is away")

    def _timeline(self, region: str, period: Period) -> Timeline:
        line = self._line(region)
        known = [one for one in line.movements if one[0].recorded_day <= period.known_at]
        within = [one for one in known if one[0].effective_day <= period.until]
        tally = Tally()
        for movement, people in within:
            tally.count(movement, people)
        return Timeline(tally, line.position, movements=[one for one in within if one[0].effective_day > period.after])

    def _line(self, region: str) -> Timeline:
        """Return all movements of the region, and its counts now."""
        line, positions = Timeline(), dict[int, int]()
        for flush in self.flushes:
            if any(holds(region, place) for place in flush.sum.places):
                positions[flush.partition] = flush.after.next_seq
            steps = ((Step(*key), people) for key, people in flush.sum.steps.items() if people)
            moved = list(seen_in(region, steps))
            for movement, people in moved:
                line.tally.count(movement, people)
            line.movements += moved
            for (place, lapse), people in flush.sum.lapses.items():
                if holds(region, place):
                    line.tally.add(Tally(lapses={lapse: people}))
            for (place, source), recorded_at in flush.sum.last_recorded.items():
                if holds(region, place):
                    line.tally.note_recorded(source, recorded_at)
        line.position = sum(positions.values())
        return line

    async def people(self, districts: Collection[str], period: Period | None) -> dict[str, dict[str, int]]:
        self._refuse_while_down()
        places = {place for flush in self.flushes for place in flush.sum.places}
        villages = [one for one in places if level_of(one) == "village" and parent_of(one) in districts]
        lines = {one: self._timeline(one, period or Period(date.max)) for one in villages}
        return {village: line.tally.people for village, line in lines.items()}

    async def versions(self, regions: Collection[str]) -> dict[str, Version]:
        self._refuse_while_down()
        return {region: Version(0, self._line(region).position) for region in regions}

    async def regions_of(self, partition: int) -> list[str]:
        places = {place for flush in self.flushes if flush.partition == partition for place in flush.sum.places}
        counted = {region for place in places for region in lineage(place)}
        return [region for region in counted if level_of(region) not in ("nation", "province")]


def _figures(line: Timeline, flows_from: date | None) -> RegionCounts:
    recent = [(m, n) for m, n in line.movements if flows_from is not None and m.effective_day >= flows_from]
    return RegionCounts(line.tally, line.position, flows_of(recent))


class MemoryReference:
    """Keeps rows in a list; the revision is the number of imports."""

    def __init__(self) -> None:
        self._imports: list[Rows] = []

    async def add(self, statements: Statements, recorded_at: datetime, *, dry_run: bool = False) -> Rows:
        kinds = {statement.kind for statement in statements}
        rows = new_rows(statements, [row for row in self._rows() if row.statement.kind in kinds], recorded_at)
        self._imports += [] if dry_run else [rows]
        return rows.copy()

    def _rows(self) -> Rows:
        return [row for rows in self._imports for row in rows]

    async def since(self, revision: int) -> tuple[int, Rows]:
        return len(self._imports), [row for rows in self._imports[revision:] for row in rows]

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, RecordedRow[Any]]]:
        of_kind = [row for row in self._rows() if row.statement.kind.name == kind]
        placed = {f"{row.statement.region} {row.statement.series} {row.version:06d}": row for row in of_kind}
        asked = [item for item in sorted(placed.items()) if region in (None, item[1].statement.region)]
        return [item for item in asked if item[0] > after][:limit]


def reader_of(
    store: Store,
    reference: ReferenceIndex,
    children: Children,
    clock: ManualClock,
    name_of: Callable[[str], str | None] = str,
    catching_up: Callable[[str], bool] = lambda _: False,
    kind: type[SnapshotReader] = SnapshotReader,
) -> SnapshotReader:
    """Return a reader of snapshots as the composition root makes it."""
    boards = Boards(reference, children, store)
    return kind(store, Deriver(reference, Potentials(reference, children)), boards, name_of, clock, catching_up)


class MemoryTopic:
    """Keeps the snapshots published. `then` is called after each chunk of them."""

    def __init__(self) -> None:
        self.published: list[Snapshot] = []
        self.down = False
        self.then: Callable[[], None] = lambda: None

    async def publish(self, snapshots: Sequence[Snapshot], traceparent: str) -> None:
        if self.down:
            raise TransientError("the topic is away")
        self.published.extend(snapshots)
        self.then()


def owned_partitions(clock: ManualClock, partitions: Collection[int] = range(PARTITIONS)) -> OwnedPartitions:
    """Return these partitions as taken up at offset 0; all are behind."""
    owned = OwnedPartitions("changes", clock, ReaderMetrics(CollectorRegistry()))
    for partition in partitions:
        owned.take_up(partition, 0)
    owned.ends_at(dict.fromkeys(partitions, 1))
    return owned


class MemoryReleases:
    """Keeps releases in dictionaries."""

    def __init__(self) -> None:
        self._made: dict[Month, Release] = {}
        self._begun: dict[Month, datetime] = {}
        self._figures: dict[tuple[Month, str], bytes] = {}
        self._regions: dict[tuple[Month, str], Encoded] = {}

    async def all(self) -> list[Release]:
        return [self._made[month] for month in sorted(self._made, reverse=True)]

    async def region(self, month: Month, region: str) -> bytes | None:
        found = self._regions.get((month, region))
        return found.body if found else None

    async def children(self, month: Month, parent: str) -> list[bytes]:
        of_month = [one for (of, _), one in sorted(self._regions.items()) if of == month]
        return [one.body for one in of_month if one.parent == parent]

    async def begun(self, month: Month) -> datetime | None:
        return self._begun.get(month)

    async def keep_figures(self, month: Month, family: str, figures: bytes) -> None:
        self._figures[month, family] = figures

    async def begin(self, month: Month, made_at: datetime | None) -> None:
        if made_at is not None:
            self._begun[month] = made_at

    async def figures(self, month: Month, family: str) -> bytes:
        return self._figures[month, family]

    async def write(self, month: Month, regions: Sequence[Encoded]) -> None:
        self._regions |= {(month, one.region): one for one in regions}

    async def written(self, month: Month) -> frozenset[str]:
        return frozenset(region for of, region in self._regions if of == month and level_of(region) == "regency")

    async def publish(self, release: Release) -> None:
        self._made[release.month] = release
