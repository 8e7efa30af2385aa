"""What proving and rebuilding the counters need from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.coverage.application.ports import Figures
from services.coverage.domain.counters import Tally
from services.coverage.domain.movements import Counted, Movement, Step
from services.coverage.domain.position import Position


class Moment(Protocol):
    """One partition's part of all that is counted, as it was at one moment."""

    async def position(self, partition: int) -> Position:
        """Return up to where the partition was counted."""
        ...

    async def regions(self, partition: int) -> list[str]:
        """Return the nation, the provinces and the regencies that have counters in this partition."""
        ...

    async def figures(self, partition: int, region: str, flows_from: date) -> dict[str, Figures]:
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

    changes: Sequence[Counted]
    first_offset: int
    next_offset: int
    written_at: datetime


class ChangeLog(Protocol):
    """Every change there ever was, in the order of their numbers: the topic, or a dump of the ledger."""

    @property
    def name(self) -> str:
        """What to call it in a message."""
        ...

    def changes(self, partition: int) -> AsyncIterator[Sequence[Counted]]:
        """Yield the partition's changes from the first that is there on.

        An empty batch says that there is no more now; it may be asked on. What cannot be read is left out, as it is
        when counting. Partitions are asked for in their order. Raises: TransientError, PermanentError.
        """
        ...


class Progress(Protocol):
    """Shows how far a long work is."""

    def begin(self, phase: str, total: int | None = None) -> None:
        """Show a new phase, of this many steps if that is known."""
        ...

    def advance(self, steps: int) -> None:
        """Show that so many more steps are done."""
        ...
