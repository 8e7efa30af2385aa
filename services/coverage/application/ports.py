"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from services.coverage.domain.counters import Tally
from services.coverage.domain.flows import Flow, FlowKey
from services.coverage.domain.position import Position
from services.coverage.domain.reference import AsOf, Figure, Row
from shared.contracts.snapshots import Count, Snapshot


@dataclass(frozen=True, slots=True)
class Flush:
    """All that one transaction writes for one partition. `behind` tells the other replicas that more is waiting."""

    partition: int
    before: Position
    after: Position
    counters: Mapping[str, Tally]
    flows: Mapping[FlowKey, Flow]
    behind: bool


@dataclass(slots=True)
class Figures:
    """A region as counted, summed over the partitions that hold a part of it.

    `position` only grows; `flows` are summed over the days of recording.
    """

    tally: Tally = field(default_factory=Tally)
    position: int = 0
    flows: dict[tuple[date, str], Flow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a partition has come, and whether its owner says that more is waiting."""

    position: Position
    behind: bool


class Store(Protocol):
    """Counters, flows and checkpoints."""

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """Return the checkpoint of every partition; one never applied stands at 0."""
        ...

    async def apply(self, flushes: Sequence[Flush]) -> None:
        """Write the flushes of several partitions, all of it or nothing, on a majority.

        Raises: FencedError when one no longer stands at its `before`; TransientError when it may be tried again.
        """
        ...

    async def mark_level(self, partitions: Collection[int]) -> None:
        """Record that these partitions have caught up with their topic."""
        ...

    async def figures(self, regions: Collection[str], flows_from: date | None) -> dict[str, Figures]:
        """Return the figures of each region at one moment; flows from that day on, or none.

        A region that nothing was counted in has figures of 0.
        """
        ...

    async def positions(self, regions: Collection[str]) -> dict[str, int]:
        """Return the position of each region, as in its figures."""
        ...

    async def regions_of(self, partition: int) -> list[str]:
        """Return every regency, district and village counted in this partition."""
        ...


class ReferenceStore(Protocol):
    """Versioned rows of reference data, of all kinds."""

    async def add(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        """Record those of the figures, all of one kind, that are news, all or none, and return them as rows."""
        ...

    async def news(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        """Return the rows that `add` would record now; nothing is recorded."""
        ...

    async def since(self, revision: int) -> tuple[int, list[Row[Any]]]:
        """Return the present revision, and the rows of all kinds recorded after the one given."""
        ...

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, Row[Any]]]:
        """Return up to `limit` rows with their places in the order, those after the given place.

        They are ordered by region, series and version.
        """
        ...


class GroupCounts(Protocol):
    """How many people of a group regions have."""

    async def of_group(self, group: str, regions: Collection[str], at: AsOf) -> Mapping[str, Count]:
        """Return registered and active people of the group by region; a region that is absent has none."""
        ...


class SnapshotTopic(Protocol):
    """Where snapshots are published."""

    async def publish(self, snapshots: Sequence[Snapshot], traceparent: str) -> None:
        """Return once all are acknowledged. Raises: TransientError."""
        ...


class Reader(Protocol):
    """What is known of the reader of changes in this process."""

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions this replica has now."""
        ...

    @property
    def level(self) -> frozenset[int]:
        """Those of them that are level with the topic."""
        ...


class Metrics(Protocol):
    """What the use cases tell of their work."""

    def flushed(self, applied: int, dropped: int, seconds: float, oldest_s: float | None) -> None:
        """Note a flush: new changes, repeated ones, its time, and how long ago its oldest change was recorded."""
        ...

    def published(self, snapshots: Sequence[Snapshot]) -> None:
        """Note snapshots on the topic."""
        ...

    def keep(self, owns: Callable[[str], bool]) -> None:
        """Stop showing the regions that other replicas publish."""
        ...
