"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import Flows
from services.coverage.counting.domain.movements import Movement
from services.coverage.counting.domain.position import Position
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count, Snapshot


@dataclass(frozen=True, slots=True)
class Flush:
    """All that one transaction writes for one partition.

    `behind` tells the other replicas that more is waiting; flows before `flows_from` are in no window any more.
    """

    partition: int
    before: Position
    after: Position
    sum: Sum
    behind: bool
    flows_from: date


class Version(NamedTuple):
    """Of which generation a region's figures are, and of which position in it: while both stay, so do the figures."""

    generation: int
    position: int


@dataclass(slots=True)
class Figures:
    """A region as counted, summed over the partitions that hold a part of it. `position` only grows."""

    tally: Tally = field(default_factory=Tally)
    position: int = 0
    flows: Flows = field(default_factory=dict)
    generation: int = 0

    @property
    def version(self) -> Version:
        """The version that these are."""
        return Version(self.generation, self.position)


@dataclass(slots=True)
class Timeline:
    """A region as counted now, and the movements asked for, at the same moment; alike ones may stand apart."""

    tally: Tally = field(default_factory=Tally)
    position: int = 0
    movements: list[tuple[Movement, int]] = field(default_factory=list)
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a partition has come, whether its owner says that more is waiting, how often it was resumed, and in which
    generation it is counted.
    """

    position: Position
    behind: bool
    resumed: int = 0
    generation: int = 0


NONE_KNOWN: Final[Mapping[str, Version]] = MappingProxyType({})


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

    async def resume(self, partition: int, before: Position, after: Position) -> None:
        """Have the partition's replica go on at another offset. Raises: FencedError where it is not at `before`."""
        ...

    async def figures(
        self, regions: Collection[str], flows_from: date | None, known: Mapping[str, Version] = NONE_KNOWN
    ) -> dict[str, Figures]:
        """Return the figures of each region at one moment, but of those that are `known` and still of that version;
        flows from that day on, or none.

        A region that nothing was counted in has figures of 0. Flows of days before the windows may be left out: of
        those `timelines` tell.
        """
        ...

    async def timelines(
        self, regions: Collection[str], effective_after: date, recorded_after: date
    ) -> dict[str, Timeline]:
        """Return each region with its movements effective after the one day or recorded after the other.

        Of their `recorded_day` it holds only whether that is later than the other: alike ones may be added up.

        So what was counted as of that day, known at the other, is the tally without them; and `date.min` gives all.
        """
        ...

    async def versions(self, regions: Collection[str]) -> dict[str, Version]:
        """Return the version of each region's figures."""
        ...

    async def regions_of(self, partition: int) -> list[str]:
        """Return every regency, district and village counted in this partition."""
        ...


class GroupCounts(Protocol):
    """How many people of each group regions have."""

    async def of_groups(self, regions: Collection[str], at: AsOf | None) -> Mapping[str, Mapping[str, Count]]:
        """Return registered and active people by region and group, all of one moment: now, or as of a day.

        A region or group that is absent has none.
        """
        ...

    async def versions(self, regions: Collection[str]) -> Mapping[str, Version]:
        """Return the version of each region: while it is the same, so are the counts of it and all below."""
        ...


class ChangesTopic(Protocol):
    """The topic of changes, read apart from the counting."""

    async def offset_of(self, partition: int, position: Position) -> int:
        """Return the offset from which on every change from the position's `next_seq` to the end is there.

        In a topic that does not hold the position's offset, being made anew, that may be an earlier one.
        Raises: PermanentError naming the first seq that is missing.
        """
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

    @property
    def stopped(self) -> frozenset[int]:
        """The partitions of this replica that wait for an operator."""
        ...

    async def resume(self, partition: int) -> None:
        """Take a stopped partition up again at its position."""
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
