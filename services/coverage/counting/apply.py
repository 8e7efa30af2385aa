"""Applies changes: what was read of a partition is added up as it comes and becomes one flush, counted exactly once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import Position
from services.coverage.counting.ports import Flush, Metrics, Store
from services.coverage.counting.progress import Progress
from shared.regions.codes import NATION, local
from shared.runtime.clock import Clock

LEVEL_WITHIN: Final = timedelta(seconds=1)
"""A partition whose newest applied record is younger is live, even while the next ones are on their way."""


@dataclass(slots=True)
class Waiting:
    """What was taken of a partition since it was last sealed; `records` includes those that count for nothing."""

    before: Position
    after: Position
    sum: Sum = field(default_factory=Sum)
    records: int = 0
    dropped: int = 0
    first_recorded_at: datetime | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A flush, and what else is told of it; `written_at` is when its last record was written."""

    flush: Flush
    dropped: int
    first_recorded_at: datetime | None
    written_at: datetime

    @property
    def partition(self) -> int:
        """The partition."""
        return self.flush.partition

    @property
    def next_offset(self) -> int:
        """The offset after its last record."""
        return self.flush.after.next_offset


class Applier:
    """Holds what waits, and the position, of each partition that this replica has."""

    def __init__(
        self,
        store: Store,
        progress: Progress,
        clock: Clock,
        metrics: Metrics,
        on_flush: Callable[[Collection[str]], None],
        on_flush_behind: Callable[[Collection[str]], None],
    ) -> None:
        self._store = store
        self._progress = progress
        self._clock = clock
        self._metrics = metrics
        self._on_flush = on_flush
        self._on_flush_behind = on_flush_behind
        self._waiting: dict[int, Waiting] = {}

    async def take_up(self, partitions: Collection[int]) -> dict[int, Position]:
        """Return the position of each partition, read from its checkpoint; it is held to be behind at first."""
        checkpoints = await self._store.checkpoints()
        taken = {partition: checkpoints[partition].position for partition in partitions}
        for partition, position in taken.items():
            self._waiting[partition] = Waiting(position, position)
            self._progress.note(partition, behind=True)
        return taken

    def take(self, partition: int, changes: Sequence[CountedChange], next_offset: int, written_at: datetime) -> None:
        """Add up the changes that were not taken before; nothing is written yet.

        Raises: SequenceGap with nothing taken.
        """
        waiting = self._waiting[partition]
        waiting.after, fresh = waiting.after.advance(partition, changes, next_offset)
        waiting.sum.add(fresh)
        waiting.records += len(changes)
        waiting.dropped += len(changes) - len(fresh)
        waiting.written_at = written_at
        if fresh and waiting.first_recorded_at is None:
            waiting.first_recorded_at = fresh[0].recorded_at

    def waiting(self) -> Mapping[int, int]:
        """Return how many changes wait, by partition; at least one where only the offset has moved."""
        return {
            partition: max(waiting.records, int(waiting.after != waiting.before))
            for partition, waiting in self._waiting.items()
        }

    def seal(self, partitions: Collection[int]) -> list[Sealed]:
        """Return what waits of these partitions as flushes; what is taken from now on waits for the next."""
        return [self._sealed(partition) for partition in partitions]

    def _sealed(self, partition: int) -> Sealed:
        waiting = self._waiting[partition]
        self._waiting[partition] = Waiting(waiting.after, waiting.after)
        now = self._clock.now()
        written_at = waiting.written_at or now
        behind = now - written_at > LEVEL_WITHIN
        flush = Flush(
            partition, waiting.before, waiting.after, waiting.sum, behind, first_day(local(NATION, now).date())
        )
        return Sealed(flush, waiting.dropped, waiting.first_recorded_at, written_at)

    async def commit(self, sealed: Sequence[Sealed]) -> None:
        """Apply the flushes in two steps: (1) one transaction moves the checkpoints and adds to all that is counted,
        (2) the places touched are announced.

        A crash before 1 leaves nothing; between 1 and 2 the checkpoints hold, and whoever takes the partitions up
        reads them and publishes their regions anew. Raises: FencedError when another replica moved a checkpoint.
        """
        started = perf_counter()
        await self._store.apply([one.flush for one in sealed])
        for one in sealed:
            self._progress.note(one.partition, behind=one.flush.behind)
            announce = self._on_flush_behind if one.flush.behind else self._on_flush
            announce(one.flush.sum.places)
        applied, dropped = sum(one.flush.sum.changes for one in sealed), sum(one.dropped for one in sealed)
        self._metrics.flushed(applied, dropped, perf_counter() - started, self._age_of_oldest(sealed))

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what waits of these partitions."""
        for partition in partitions:
            self._waiting.pop(partition, None)

    def _age_of_oldest(self, sealed: Sequence[Sealed]) -> float | None:
        firsts = [one.first_recorded_at for one in sealed if one.first_recorded_at]
        return (self._clock.now() - min(firsts)).total_seconds() if firsts else None
