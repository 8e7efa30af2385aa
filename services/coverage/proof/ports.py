"""What proving and rebuilding the counters need from outside."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.movements import CountedChange, Movement, Step
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.counting.ports import Store


class Moment(Protocol):
    """One partition's part of all that is counted, as it was at one moment."""

    async def position(self, partition: int) -> Position:
        """Return up to where the partition was counted."""
        ...

    async def regions(self, partition: int) -> list[str]:
        """Return the nation, the provinces and the regencies that have counters in this partition."""
        ...

    async def figures(self, partition: int, region: str, flows_from: date) -> dict[str, RegionCounts]:
        """Return the region as this partition counts it, and of a regency also every region below that has counters.

        Flows are those of days from the one given on.
        """
        ...

    async def tallies(self, partition: int, regions: Sequence[str]) -> dict[str, Tally]:
        """Return each of these regions, nation, provinces or regencies, as this partition counts it."""
        ...

    def moved(self, partition: int, region: str) -> AsyncIterator[Sequence[tuple[Step | Movement, int]]]:
        """Yield what the pages of nation, province or regency tell: a regency's steps, or movements, with people."""
        ...


class CountedStore(Protocol):
    """All that is counted, for reading it again."""

    def moment(self) -> AbstractAsyncContextManager[Moment]:
        """Give one moment: what is read inside is as it was when it began, while flushes go on."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """What was read of a partition: its changes, from one offset up to before the next, the last written then."""

    changes: Sequence[CountedChange]
    first_offset: int
    next_offset: int
    written_at: datetime


class ChangeLog(Protocol):
    """Every change there ever was, in the order of their numbers: the topic, or a dump of the ledger."""

    @property
    def name(self) -> str:
        """What to call it in a message."""
        ...

    def changes(self, partition: int) -> AsyncGenerator[Sequence[CountedChange]]:
        """Yield the partition's changes from the first that is there on.

        An empty batch says that there is no more now; it may be asked on. What cannot be read is left out, as it is
        when counting. Partitions are asked for in their order. Raises: TransientError, PermanentError.
        """
        ...


class Tail(Protocol):
    """What follows in the partitions of the topic, each read on from its own offset."""

    async def read(self, partitions: Collection[int]) -> dict[int, Part]:
        """Return what comes next of these partitions; empty when there is no more now. Raises: TransientError."""
        ...


class WholeTopic(Protocol):
    """The topic from its start."""

    def opened(self, offsets: Mapping[int, int]) -> AbstractAsyncContextManager[Tail]:
        """Give the topic to be read from these offsets on, or from the first that is still there."""
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
    """How far the proof in the background is: the next partition, what was found in this pass, and the last pass."""

    partition: int = 0
    differences: int = 0
    position: int = 0
    with_topic: bool = True
    last: Passed | None = None


class Proofs(Protocol):
    """Where it is kept how far the proof is, for whichever replica goes on with it."""

    async def read(self) -> Proof:
        """Return how far it is."""
        ...

    async def write(self, proof: Proof) -> None:
        """Keep how far it is."""
        ...


class ProofMetrics(Protocol):
    """What is told of the proof."""

    def proved(self, proof: Proof) -> None:
        """Show how far it is and what it found."""
        ...


@dataclass(frozen=True, slots=True)
class Builds:
    """The generation that is live, the one being built if there is one, and those that are kept."""

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
        """Return the store that fills this generation, whose checkpoints are its own; made if it is not there.

        Only for the one rebuild there is: whatever an earlier one has left open is ended.
        """
        ...

    async def hold(self) -> dict[int, int]:
        """Have every partition of the live generation stand still for some seconds; return their next numbers.

        What is flushed meanwhile waits. Nobody needs to let go: it ends by itself.
        """
        ...

    async def flip(self, generation: int, held: Mapping[int, int]) -> None:
        """Make a generation that is level with the numbers held the live one, for all partitions and readers at once.

        No position of a region is less than it was. Raises: FencedError, with nothing changed, where a partition
        moved on.
        """
        ...

    async def discard(self) -> int | None:
        """Delete the one that is being built, and return its number; only for who holds the lease of rebuilds."""
        ...

    async def drop_old(self) -> tuple[int, ...]:
        """Delete those that are neither live nor being built, and return their numbers."""
        ...


class Progress(Protocol):
    """Shows how far a long work is."""

    def begin(self, phase: str, total: int | None = None) -> None:
        """Show a new phase, of this many steps if that is known."""
        ...

    def advance(self, steps: int) -> None:
        """Show that so many more steps are done."""
        ...
