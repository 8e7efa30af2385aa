"""Evaluates snapshots by the rules: one crossing makes one alert and its deliveries, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notifier.application.judge import Judge
from services.notifier.application.ports import EvaluationStore, Mark, Metrics, StateKey, Transaction
from services.notifier.domain.hysteresis import State
from services.notifier.domain.rules import Rule
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import level_of, parent_of
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError
from shared.runtime.logging import logger

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Snapshots read from a partition in order, and the offsets before and after them."""

    partition: int
    before: int
    after: int
    snapshots: Sequence[Snapshot]


class Evaluator:
    """Takes snapshots in, and looks again at what only waits for time."""

    def __init__(
        self,
        store: EvaluationStore,
        rules: Mapping[str, Rule],
        new_judge: Callable[[Mapping[StateKey, State]], Judge],
        clock: Clock,
        metrics: Metrics,
        on_raised: Callable[[], None],
    ) -> None:
        self._store = store
        self._rules = rules
        self._new_judge = new_judge
        self._clock = clock
        self._metrics = metrics
        self._on_raised = on_raised

    async def take_in(self, batches: Sequence[Batch]) -> None:
        """Take batches in, in two steps: (1) one transaction moves the positions and writes snapshots, states, alerts
        and deliveries, (2) the deliverer is woken.

        A crash before 1 leaves nothing, and the batches come again; between 1 and 2 the deliverer finds what is due
        by itself. Raises: FencedError when another replica has one of the partitions.
        """
        kept = [snapshot for batch in batches for snapshot in batch.snapshots if self._keeps(snapshot.region)]
        moves = {batch.partition: (batch.before, batch.after) for batch in batches}

        async def work(transaction: Transaction) -> tuple[Judge, int]:
            await transaction.move_positions(moves)
            return await self._judged(transaction, kept)

        judge, taken = await self._store.transact(work)
        self._metrics.snapshots(taken, len(kept) - taken)
        self._tell(judge)

    def _keeps(self, region: str) -> bool:
        """Say whether the snapshot is needed: all down to districts, and the villages that a rule or movers name."""
        if level_of(region) != "village":
            return True
        parent = parent_of(region)
        return any(rule.concerns(region) or (parent and rule.concerns(parent)) for rule in self._rules.values())

    async def _judged(self, transaction: Transaction, snapshots: Sequence[Snapshot]) -> tuple[Judge, int]:
        """Return the judgement, each snapshot judged as of its own instant, and how many of them were news."""
        regions = {snapshot.region for snapshot in snapshots}
        if not regions:
            return self._new_judge({}), 0
        fresh = newer(snapshots, await transaction.marks(regions))
        judge = self._new_judge(await transaction.states(regions))
        for snapshot in fresh:
            judge.findings.snapshots[snapshot.region] = snapshot
            judge.judge(snapshot, self._rules.values(), min(snapshot.as_of, self._clock.now()))
        await transaction.write(judge.findings)
        return judge, len(fresh)

    async def look_again(self, is_level: Callable[[str], bool]) -> None:
        """Let time pass for the states that wait, by the latest snapshot of each region.

        Only where the region's partition has been read to its end (`is_level`): an unread snapshot may say otherwise.
        """
        now = self._clock.now()
        for (rule, region), state in (await self._store.waiting(self._rules.keys())).items():
            over = state.since is None or now - state.since >= self._rules[rule].hold_for
            if over and is_level(region):
                await self._look_at(region, self._rules[rule], now)

    async def _look_at(self, region: str, rule: Rule, now: datetime) -> None:
        async def work(transaction: Transaction) -> Judge:
            judge = self._new_judge(await transaction.states([region]))
            latest = await transaction.latest(region)
            if latest is not None:
                judge.judge(latest, [rule], now)
                await transaction.write(judge.findings)
            return judge

        try:
            self._tell(await self._store.transact(work))
        except FencedError:
            _log.info("another replica looked first", rule=rule.id, region=region)

    def _tell(self, judge: Judge) -> None:
        """Tell log, metrics and the deliverer what the commit made true."""
        self._metrics.evaluated(judge.decisions)
        for move in judge.findings.transitions:
            _log.info("rule moved", rule=move.rule, region=move.region, phase=move.state.phase, reason=move.reason)
        heard = {delivery.alert for delivery in judge.findings.deliveries}
        for alert in judge.findings.alerts:
            told = _log.info if alert.id in heard else _log.warning
            told("alert raised", alert=alert.id, region=alert.snapshot.region, heard=alert.id in heard)
        if heard:
            self._on_raised()


def mark_of(snapshot: Snapshot) -> Mark:
    """Return the snapshot's place among those of its region."""
    return snapshot.position, snapshot.as_of.replace(microsecond=snapshot.as_of.microsecond // 1000 * 1000)


def newer(snapshots: Iterable[Snapshot], marks: Mapping[str, Mark]) -> list[Snapshot]:
    """Return, in order, those that are newer than all that is known of their region when they come."""
    known, fresh = dict(marks), []
    for snapshot in snapshots:
        mark = mark_of(snapshot)
        if snapshot.region not in known or mark > known[snapshot.region]:
            known[snapshot.region] = mark
            fresh.append(snapshot)
    return fresh
