"""Evaluates rules on snapshots. One transaction writes a crossing's alert and its deliveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notifier.application.judge import Judge
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.application.ports import EvaluationStore, SnapshotOrder, StateKey, Transaction
from services.notifier.domain.hysteresis import RuleState
from services.notifier.domain.rules import Rule
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import level_of, parent_of
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError
from shared.runtime.logging import logger

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class SnapshotBatch:
    """Snapshots read from a partition in order, and the next offset before and after them."""

    partition: int
    before: int
    after: int
    snapshots: Sequence[Snapshot]


class Evaluator:
    """Evaluates new snapshots, and hold times that have run out."""

    def __init__(
        self,
        store: EvaluationStore,
        rules: Mapping[str, Rule],
        new_judge: Callable[[Mapping[StateKey, RuleState]], Judge],
        clock: Clock,
        metrics: NotifierMetrics,
        on_raised: Callable[[], None],
    ) -> None:
        self._store = store
        self._rules = rules
        self._new_judge = new_judge
        self._clock = clock
        self._metrics = metrics
        self._on_raised = on_raised

    async def evaluate(self, batches: Sequence[SnapshotBatch]) -> None:
        """Evaluate batches in two steps: (1) one transaction moves the positions and writes snapshots, states, alerts
        and deliveries, (2) the deliverer is woken.

        After a crash before 1 the batches are read again; after one between 1 and 2 the deliverer finds the due
        deliveries when it polls. Raises: FencedError when another replica has one of the partitions.
        """
        kept = [snapshot for batch in batches for snapshot in batch.snapshots if self._keeps(snapshot.region)]
        moves = {batch.partition: (batch.before, batch.after) for batch in batches}

        async def work(transaction: Transaction) -> tuple[Judge, int]:
            await transaction.move_positions(moves)
            return await self._judged(transaction, kept)

        judge, taken = await self._store.transact(work)
        self._metrics.snapshots(taken, len(kept) - taken)
        self._report(judge)

    def _keeps(self, region: str) -> bool:
        """Say whether to store the snapshot: every region but villages, and villages that rules or movers need."""
        if level_of(region) != "village":
            return True
        parent = parent_of(region)
        return any(rule.concerns(region) or (parent and rule.concerns(parent)) for rule in self._rules.values())

    async def _judged(self, transaction: Transaction, snapshots: Sequence[Snapshot]) -> tuple[Judge, int]:
        """Judge each new snapshot as of the time it was counted; return the judge and the number of new ones."""
        regions = {snapshot.region for snapshot in snapshots}
        if not regions:
            return self._new_judge({}), 0
        fresh = new_snapshots(snapshots, await transaction.orders(regions))
        judge = self._new_judge(await transaction.states(regions))
        for snapshot in fresh:
            judge.findings.snapshots[snapshot.region] = snapshot
            judge.judge(snapshot, self._rules.values(), min(snapshot.as_of, self._clock.now()))
        await transaction.write(judge.findings)
        return judge, len(fresh)

    async def end_holds(self, is_caught_up: Callable[[str], bool]) -> None:
        """Judge the latest snapshots of regions whose hold time has run out.

        Skips regions whose partition has unread records (`is_caught_up`), since one may end the hold.
        """
        now = self._clock.now()
        for (rule, region), state in (await self._store.waiting(self._rules.keys())).items():
            over = state.since is None or now - state.since >= self._rules[rule].hold_for
            if over and is_caught_up(region):
                await self._end_hold(region, self._rules[rule], now)

    async def _end_hold(self, region: str, rule: Rule, now: datetime) -> None:
        async def work(transaction: Transaction) -> Judge:
            judge = self._new_judge(await transaction.states([region]))
            latest = await transaction.latest(region)
            if latest is not None:
                judge.judge(latest, [rule], now)
                await transaction.write(judge.findings)
            return judge

        try:
            self._report(await self._store.transact(work))
        except FencedError:
            _log.info("another replica ended the hold time first", rule=rule.id, region=region)

    def _report(self, judge: Judge) -> None:
        """Report what was committed to log and metrics, and wake the deliverer."""
        self._metrics.evaluated(judge.decisions)
        for each in judge.findings.transitions:
            _log.info("rule moved", rule=each.rule, region=each.region, phase=each.state.phase, reason=each.reason)
        delivered = {delivery.alert for delivery in judge.findings.deliveries}
        for alert in judge.findings.alerts:
            log = _log.info if alert.id in delivered else _log.warning
            log("alert raised", alert=alert.id, region=alert.snapshot.region, has_recipients=alert.id in delivered)
        if delivered:
            self._on_raised()


def order_of(snapshot: Snapshot) -> SnapshotOrder:
    """Return the snapshot's order among those of its region."""
    return snapshot.position, snapshot.as_of.replace(microsecond=snapshot.as_of.microsecond // 1000 * 1000)


def new_snapshots(snapshots: Iterable[Snapshot], known: Mapping[str, SnapshotOrder]) -> list[Snapshot]:
    """Return, in order, the snapshots that are newer than every earlier one of their region."""
    latest, fresh = dict(known), []
    for snapshot in snapshots:
        order = order_of(snapshot)
        if snapshot.region not in latest or order > latest[snapshot.region]:
            latest[snapshot.region] = order
            fresh.append(snapshot)
    return fresh
