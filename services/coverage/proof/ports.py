"""What proving and rebuilding the counters need from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.movements import Movement, Step
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.counting.ports import Store


class PointInTime(Protocol):
    """All counters and pages as they were at one moment, read partition by partition."""

    async def position(self, partition: int) -> Position:
        """Return the position up to which the partition was counted."""
        ...

    async def regions(self, partition: int) -> list[str]:
        """Return the nation, the provinces and the regencies that have counters in this partition."""
        ...

    async def figures(self, partition: int, region: str, flows_from: date) -> dict[str, RegionCounts]:
        """Return the region as this partition counts it; of a regency, also every region below it.

        Flows are those of that day and later.
        """
        ...

    async def tallies(self, partition: int, regions: Sequence[str]) -> dict[str, Tally]:
        """Return each of these regions, nation, provinces or regencies, as this partition counts it."""
        ...

    def moved(self, partition: int, region: str) -> AsyncIterator[Sequence[tuple[Step | Movement, int]]]:
        """Yield the rows of the region's pages, each with its people: steps of a regency, else movements."""
        ...


class CountedStore(Protocol):
    """All counters, to be read again."""

    def point_in_time(self) -> AbstractAsyncContextManager[PointInTime]:
        """Give the counters as they are when it begins, while flushes go on."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """A full pass of the proof: when it ended, what it found, up to which position, and whether the topic was whole."""

    at: datetime
    differences: int
    position: int
    with_topic: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """How far the background proof is: the next partition, what this pass found so far, and the last full pass."""

    partition: int = 0
    differences: int = 0
    position: int = 0
    with_topic: bool = True
    last: Passed | None = None


class Proofs(Protocol):
    """Keeps how far the proof is, for whichever replica goes on with it."""

    async def read(self) -> Proof:
        """Return how far it is."""
        ...

    async def write(self, proof: Proof) -> None:
        """Keep how far it is."""
        ...


@dataclass(frozen=True, slots=True)
class Builds:
    """The generation that is live, the one being built if there is one, and older ones that are kept."""

    live: int
    building: int | None
    old: tuple[int, ...]


class Generations(Protocol):
    """Generations of counters, beside each other."""

    async def builds(self) -> Builds:
        """Return which there are."""
        ...

    async def changes(self) -> dict[int, int]:
        """Return how many changes the live generation, and the one being built, have counted."""
        ...

    async def store(self, generation: int) -> Store:
        """Return the store that fills this generation, with checkpoints of its own; made if it is not there.

        Only the rebuild that holds the lease may call it: what an earlier one has left open is ended.
        """
        ...

    async def hold(self) -> dict[int, int]:
        """Have every partition of the live generation stand still for some seconds; return their next numbers.

        Flushes wait meanwhile. The hold ends by itself.
        """
        ...

    async def flip(self, generation: int, held: Mapping[int, int]) -> None:
        """Make a generation that has counted up to the numbers held the live one, for all partitions at once.

        No position of a region is less than it was. Raises: FencedError, with nothing changed, where a partition
        moved on.
        """
        ...

    async def discard(self) -> int | None:
        """Delete the generation being built and return its number; only the holder of the lease may call it."""
        ...

    async def drop_old(self) -> tuple[int, ...]:
        """Delete the generations that are neither live nor being built, and return their numbers."""
        ...
