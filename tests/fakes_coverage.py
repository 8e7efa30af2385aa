"""Hand-written stand-ins for coverage's ports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.coverage.application.ports import Checkpoint, Figures, Flush
from services.coverage.domain.flows import Flow
from services.coverage.domain.position import Position
from services.coverage.domain.reference import AsOf, Figure, Row, numbered
from shared.contracts.snapshots import Count, Snapshot
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import level_of
from shared.runtime.errors import FencedError, TransientError


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
        self._checkpoints.update({flush.partition: Checkpoint(flush.after, flush.behind) for flush in flushes})
        self.flushes += flushes

    async def mark_level(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._checkpoints[partition] = Checkpoint(self._checkpoints[partition].position, behind=False)

    async def figures(self, regions: Collection[str], flows_from: date | None) -> dict[str, Figures]:
        if self.down:
            raise TransientError("the store is away")
        return {region: self._figures(region, flows_from) for region in regions}

    def _figures(self, region: str, flows_from: date | None) -> Figures:
        figures, positions = Figures(), dict[int, int]()
        for flush in self.flushes:
            if region in flush.counters:
                figures.tally.add(flush.counters[region])
                positions[flush.partition] = flush.after.next_seq
            for key, flow in flush.flows.items():
                if key.region == region and flows_from is not None and key.effective_day >= flows_from:
                    total = figures.flows.setdefault((key.effective_day, key.kind), Flow())
                    total.people += flow.people
                    total.active += flow.active
        figures.position = sum(positions.values())
        return figures

    async def positions(self, regions: Collection[str]) -> dict[str, int]:
        return {region: self._figures(region, None).position for region in regions}

    async def regions_of(self, partition: int) -> list[str]:
        counted = {region for flush in self.flushes if flush.partition == partition for region in flush.counters}
        return [region for region in counted if level_of(region) not in ("nation", "province")]


class MemoryReference:
    """Keeps rows in a list; the revision is the number of imports."""

    def __init__(self) -> None:
        self._imports: list[list[Row[Any]]] = []

    async def add(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        self._imports.append(await self.news(figures, recorded_at))
        return self._imports[-1]

    async def news(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        kinds = {figure.kind for figure in figures}
        return numbered(figures, [row for row in self._rows() if row.figure.kind in kinds], recorded_at)

    def _rows(self) -> list[Row[Any]]:
        return [row for rows in self._imports for row in rows]

    async def since(self, revision: int) -> tuple[int, list[Row[Any]]]:
        return len(self._imports), [row for rows in self._imports[revision:] for row in rows]

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, Row[Any]]]:
        of_kind = [row for row in self._rows() if row.figure.kind.name == kind]
        placed = {f"{row.figure.region} {row.figure.series} {row.version:06d}": row for row in of_kind}
        asked = [item for item in sorted(placed.items()) if region in (None, item[1].figure.region)]
        return [item for item in asked if item[0] > after][:limit]


class MemoryGroupCounts:
    """People of groups, by group and region."""

    def __init__(self, counts: Mapping[str, Mapping[str, Count]]) -> None:
        self._counts = counts

    async def of_group(self, group: str, regions: Collection[str], at: AsOf) -> Mapping[str, Count]:
        return {region: count for region, count in self._counts.get(group, {}).items() if region in regions}


class MemoryTopic:
    """Keeps the snapshots published."""

    def __init__(self) -> None:
        self.published: list[Snapshot] = []
        self.down = False

    async def publish(self, snapshots: Sequence[Snapshot], traceparent: str) -> None:
        if self.down:
            raise TransientError("the topic is away")
        self.published.extend(snapshots)


class ManualReader:
    """A reader whose partitions are set by hand."""

    def __init__(self, partitions: Collection[int] = range(PARTITIONS)) -> None:
        self.partitions = frozenset(partitions)
        self.level: frozenset[int] = self.partitions


class SilentMetrics:
    """Remembers only what was kept."""

    def flushed(self, applied: int, dropped: int, seconds: float, oldest_s: float | None) -> None:
        return

    def published(self, snapshots: Sequence[Snapshot]) -> None:
        return

    def keep(self, owns: Callable[[str], bool]) -> None:
        return
