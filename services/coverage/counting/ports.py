"""What counting needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import Period, RegionCounts, Timeline, Version


@dataclass(frozen=True, slots=True)
class Flush:
    """Everything that one transaction writes for one partition.

    `behind` tells the other replicas that more changes wait. No window shows flows before `flows_from` any more.
    """

    partition: int
    before: Position
    after: Position
    sum: Sum
    behind: bool
    flows_from: date


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A partition's position, whether more changes wait, how often an operator resumed it, and its generation."""

    position: Position
    behind: bool
    resumed: int = 0
    generation: int = 0


class PointInTime(Protocol):
    """The counts as they were when it began, while flushes go on."""

    async def timelines(self, regions: Collection[str], period: Period) -> dict[str, Timeline]:
        """See `Store.timelines`."""
        ...


class Store(Protocol):
    """Counters, flows, pages and checkpoints."""

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """Return the checkpoint of every partition; before the first flush its position is 0."""
        ...

    async def apply(self, flushes: Sequence[Flush]) -> None:
        """Write the flushes of several partitions on a majority: all of them or none.

        Raises: FencedError if a partition is no longer at its `before`; TransientError if a retry may succeed.
        """
        ...

    async def mark_caught_up(self, partitions: Collection[int]) -> None:
        """Record that these partitions have caught up with the topic."""
        ...

    async def resume(self, partition: int, before: Position, after: Position) -> None:
        """Move a stopped partition to another position. Raises: FencedError if it is not at `before`."""
        ...

    async def figures(
        self, regions: Collection[str], flows_from: date | None, known: Mapping[str, Version] | None = None
    ) -> dict[str, RegionCounts]:
        """Return the counts of each region at one point in time, except regions still at their `known` version.

        Flows come from that day on, or not at all; flows older than the windows may be missing, `timelines` has them.
        A region in which nothing was counted has counts of 0.
        """
        ...

    def point_in_time(self) -> AbstractAsyncContextManager[PointInTime]:
        """Give the counts at one point in time, to be read piece by piece within minutes."""
        ...

    async def timelines(
        self, regions: Collection[str], period: Period, known: Mapping[str, Version] | None = None
    ) -> dict[str, Timeline]:
        """Return each region's counts at the end of a period and its movements in it, all of one point in time.

        Regions still at their `known` version are left out.
        """
        ...

    async def people(self, districts: Collection[str], period: Period | None) -> dict[str, dict[str, int]]:
        """Return people by code of the profile, of each village of these districts in which anybody was counted.

        They are those of now, or those at the end of a period. All of one district are of one point in time.
        """
        ...

    async def versions(self, regions: Collection[str]) -> dict[str, Version]:
        """Return the version of each region's counts."""
        ...

    async def regions_of(self, partition: int) -> list[str]:
        """Return every regency, district and village in which this partition counted anything."""
        ...
