"""Applies changes: what was read of a partition is added up as it comes and becomes one flush, counted exactly once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from services.coverage.counting.catching_up import CatchingUp
from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import Position
from services.coverage.counting.metrics import CountingMetrics
from services.coverage.counting.ports import Flush, Store
from shared.regions.codes import NATION, local
from shared.runtime.clock import Clock

LIVE_WITHIN: Final = timedelta(seconds=1)
"""A partition whose newest applied record is younger is live, even while the next ones are on their way."""

OnFlush = Callable[[Collection[str]], None]
"""Called with the places in which people were counted."""


@dataclass(slots=True)
class OpenBatch:
    """What was taken of a partition since its last batch was closed; `records` includes those dropped as repeated."""

    before: Position
    after: Position
    sum: Sum = field(default_factory=Sum)
    records: int = 0
    dropped: int = 0
    first_recorded_at: datetime | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """A flush, with what is measured of it; `written_at` is when its last record was written."""

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
    """Holds the position and the open batch of each partition that this replica has."""

    def __init__(
        self, store: Store, catching_up: CatchingUp, clock: Clock, metrics: CountingMetrics, on_flush: OnFlush,
        on_flush_behind: OnFlush,
    ) -> None:  # fmt: skip
        self._store = store
        self._catching_up = catching_up
        self._clock = clock
        self._metrics = metrics
        self._on_flush = on_flush
        self._on_flush_behind = on_flush_behind
        self._open: dict[int, OpenBatch] = {}

    async def take_up(self, partitions: Collection[int]) -> dict[int, Position]:
        """Return the position of each partition, read from its checkpoint; it counts as behind at first."""
        checkpoints = await self._store.checkpoints()
        positions = {partition: checkpoints[partition].position for partition in partitions}
        for partition, position in positions.items():
            self._open[partition] = OpenBatch(position, position)
            self._catching_up.note(partition, behind=True)
        return positions

    def take(self, partition: int, changes: Sequence[CountedChange], next_offset: int, written_at: datetime) -> None:
        """Add up the changes that were not taken before; nothing is written yet.

        Raises: SequenceGap with nothing taken.
        """
        batch = self._open[partition]
        batch.after, fresh = batch.after.advance(partition, changes, next_offset)
        batch.sum.add(fresh)
        batch.records += len(changes)
        batch.dropped += len(changes) - len(fresh)
        batch.written_at = written_at
        if fresh and batch.first_recorded_at is None:
            batch.first_recorded_at = fresh[0].recorded_at

    def waiting(self) -> Mapping[int, int]:
        """Return how many changes wait, by partition; at least one where only the offset has moved."""
        return {
            partition: max(batch.records, int(batch.after != batch.before)) for partition, batch in self._open.items()
        }

    def close(self, partitions: Collection[int]) -> list[ChangeBatch]:
        """Return what waits of these partitions as batches; what is taken later goes into the next ones."""
        return [self._closed(partition) for partition in partitions]

    def _closed(self, partition: int) -> ChangeBatch:
        batch = self._open[partition]
        self._open[partition] = OpenBatch(batch.after, batch.after)
        now = self._clock.now()
        written_at = batch.written_at or now
        flows_from = first_day(local(NATION, now).date())
        flush = Flush(partition, batch.before, batch.after, batch.sum, now - written_at > LIVE_WITHIN, flows_from)
        return ChangeBatch(flush, batch.dropped, batch.first_recorded_at, written_at)

    async def commit(self, batches: Sequence[ChangeBatch]) -> None:
        """Apply the flushes in two steps: (1) one transaction moves the checkpoints and adds to all counters, (2) the
        publisher is called with the places touched.

        A crash before 1 leaves nothing; between 1 and 2 the checkpoints hold, and whoever takes the partitions up
        reads them and publishes their regions anew. Raises: FencedError when another replica moved a checkpoint.
        """
        started = perf_counter()
        await self._store.apply([batch.flush for batch in batches])
        for batch in batches:
            self._catching_up.note(batch.partition, behind=batch.flush.behind)
            on_flush = self._on_flush_behind if batch.flush.behind else self._on_flush
            on_flush(batch.flush.sum.places)
        applied, dropped = sum(b.flush.sum.changes for b in batches), sum(b.dropped for b in batches)
        self._metrics.flushed(applied, dropped, perf_counter() - started, self._age_of_oldest(batches))

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what waits of these partitions."""
        for partition in partitions:
            self._open.pop(partition, None)

    def _age_of_oldest(self, batches: Sequence[ChangeBatch]) -> float | None:
        firsts = [batch.first_recorded_at for batch in batches if batch.first_recorded_at]
        return (self._clock.now() - min(firsts)).total_seconds() if firsts else None
