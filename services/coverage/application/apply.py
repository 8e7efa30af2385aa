"""Applies changes: a batch of one partition becomes one flush, counted exactly once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from services.coverage.application.ports import Flush, Metrics, Store
from services.coverage.application.progress import Progress
from services.coverage.domain import counters, flows
from services.coverage.domain.position import Position
from shared.contracts.changes import Change
from shared.runtime.clock import Clock

LEVEL_WITHIN: Final = timedelta(seconds=1)
"""A partition whose newest applied record is younger is live, even while the next ones are on their way."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch that may be applied: `fresh` are its changes that were not applied before."""

    partition: int
    before: Position
    after: Position
    fresh: Sequence[Change]
    dropped: int
    written_at: datetime


class Applier:
    """Holds the position of each partition that this replica has."""

    def __init__(
        self,
        store: Store,
        progress: Progress,
        clock: Clock,
        metrics: Metrics,
        on_flush: Callable[[Collection[str]], None],
    ) -> None:
        self._store = store
        self._progress = progress
        self._clock = clock
        self._metrics = metrics
        self._on_flush = on_flush
        self._positions: dict[int, Position] = {}

    async def take_up(self, partitions: Collection[int]) -> dict[int, Position]:
        """Return the position of each partition, read from its checkpoint; it is held to be behind at first."""
        checkpoints = await self._store.checkpoints()
        taken = {partition: checkpoints[partition].position for partition in partitions}
        self._positions.update(taken)
        for partition in partitions:
            self._progress.note(partition, behind=True)
        return taken

    def position(self, partition: int) -> Position:
        """Return where the partition stands."""
        return self._positions[partition]

    def plan(self, partition: int, changes: Sequence[Change], next_offset: int, written_at: datetime) -> Plan:
        """Return what applying the batch would do; nothing is written yet. Raises: SequenceGap."""
        before = self._positions[partition]
        after, fresh = before.advance(partition, changes, next_offset)
        return Plan(partition, before, after, fresh, len(changes) - len(fresh), written_at)

    async def commit(self, plans: Sequence[Plan]) -> None:
        """Apply the plans in two steps: (1) one transaction moves the checkpoints and adds to counters and flows,
        (2) the positions here follow and the regions touched are announced.

        A crash before 1 leaves nothing; between 1 and 2 the checkpoints hold, and whoever takes the partitions up
        reads them and publishes their regions anew. Raises: FencedError when another replica moved a checkpoint.
        """
        started = perf_counter()
        flushes = [self._flush(plan) for plan in plans]
        await self._store.apply(flushes)
        for plan, flush in zip(plans, flushes, strict=True):
            self._positions[plan.partition] = plan.after
            self._progress.note(plan.partition, behind=flush.behind)
        self._on_flush({region for flush in flushes for region in flush.counters})
        fresh = [change for plan in plans for change in plan.fresh]
        dropped = sum(plan.dropped for plan in plans)
        self._metrics.flushed(len(fresh), dropped, perf_counter() - started, self._age_of_oldest(fresh))

    def _flush(self, plan: Plan) -> Flush:
        behind = self._clock.now() - plan.written_at > LEVEL_WITHIN
        counted, flowed = counters.fold(plan.fresh), flows.fold(plan.fresh)
        return Flush(plan.partition, plan.before, plan.after, counted, flowed, behind)

    def _age_of_oldest(self, fresh: Sequence[Change]) -> float | None:
        if not fresh:
            return None
        return (self._clock.now() - min(change.recorded_at for change in fresh)).total_seconds()
