"""Applies changes: what was read of a partition is added up as it comes and becomes one flush, counted exactly once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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

OnFlush = Callable[[Collection[str], bool], None]
"""Called with the places in which people were counted, and whether their partition is behind."""


@dataclass(slots=True)
class ChangeBatch:
    """Changes of one partition, added up; the last record among them was written at `written_at`."""

    partition: int
    before: Position
    after: Position
    sum: Sum = field(default_factory=Sum)
    repeated: int = 0
    first_recorded_at: datetime | None = None
    written_at: datetime | None = None

    @property
    def next_offset(self) -> int:
        """The offset after the last record."""
        return self.after.next_offset

    def take(self, changes: Sequence[CountedChange], next_offset: int, written_at: datetime) -> None:
        """Add up the changes that were not taken before. Raises: SequenceGap with nothing taken."""
        self.after, fresh = self.after.advance(self.partition, changes, next_offset)
        self.sum.add(fresh)
        self.repeated += len(changes) - len(fresh)
        self.written_at = written_at
        if fresh and self.first_recorded_at is None:
            self.first_recorded_at = fresh[0].recorded_at

    def successor(self) -> ChangeBatch:
        """Return an empty batch that begins where this one ends."""
        return ChangeBatch(self.partition, self.after, self.after)


class Applier:
    """Counts batches of changes, and has their regions published."""

    def __init__(
        self, store: Store, catching_up: CatchingUp, clock: Clock, metrics: CountingMetrics, on_flush: OnFlush
    ) -> None:
        self._store = store
        self._catching_up = catching_up
        self._clock = clock
        self._metrics = metrics
        self._on_flush = on_flush

    async def take_up(self, partitions: Collection[int]) -> dict[int, ChangeBatch]:
        """Return an empty batch for each partition, at the position of its checkpoint; it counts as behind at first."""
        checkpoints, batches = await self._store.checkpoints(), dict[int, ChangeBatch]()
        for partition in partitions:
            self._catching_up.note(partition, behind=True)
            position = checkpoints[partition].position
            batches[partition] = ChangeBatch(partition, position, position)
        return batches

    async def commit(self, batches: Sequence[ChangeBatch]) -> None:
        """Count the batches in two steps: (1) one transaction moves the checkpoints and adds to all counters, (2) the
        publisher is called with the places touched.

        A crash before 1 leaves nothing; between 1 and 2 the checkpoints hold, and whoever takes the partitions up
        reads them and publishes their regions anew. Raises: FencedError when another replica moved a checkpoint.
        """
        started, now = perf_counter(), self._clock.now()
        flows_from = first_day(local(NATION, now).date())
        flushes = [
            Flush(
                one.partition, one.before, one.after, one.sum, now - (one.written_at or now) > LIVE_WITHIN, flows_from
            )
            for one in batches
        ]
        await self._store.apply(flushes)
        for flush in flushes:
            self._catching_up.note(flush.partition, behind=flush.behind)
            self._on_flush(flush.sum.places, flush.behind)
        applied, repeated = sum(one.sum.changes for one in batches), sum(one.repeated for one in batches)
        firsts = [one.first_recorded_at for one in batches if one.first_recorded_at]
        oldest_s = (self._clock.now() - min(firsts)).total_seconds() if firsts else None
        self._metrics.flushed(applied, repeated, perf_counter() - started, oldest_s)
