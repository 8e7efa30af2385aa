"""The notifier's stores in memory, for laws and crashes; the suite of the ports holds them to the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Message, Transition
from services.notifier.application.evaluate import order_of
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.application.ports import Findings, SnapshotOrder, StateKey, Transaction
from services.notifier.domain.hysteresis import WAITING, Reason, RuleState
from services.notifier.domain.ids import alert_id
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError, PermanentError, TransientError

T = TypeVar("T")


@dataclass
class Memory:
    """The contents of the database."""

    positions: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    states: dict[StateKey, RuleState] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)


class MemoryStore:
    """Both stores over one memory; `fail_next` makes the next commit fail."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.fail_next = False

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """See the port."""
        draft = deepcopy(self.memory)
        result = await work(_MemoryTransaction(draft))
        if self.fail_next:
            self.fail_next = False
            raise TransientError("the store is away")
        self.memory = draft
        return result

    async def positions(self, partitions: Collection[int]) -> dict[int, int]:
        """See the port."""
        return {partition: self.memory.positions[partition] for partition in partitions}

    async def waiting(self, rules: Collection[str]) -> dict[StateKey, RuleState]:
        """See the port."""
        states = self.memory.states.items()
        return {key: state for key, state in states if state.phase in WAITING and key[0] in rules}

    async def claim(self, holder: str, now: datetime, until: datetime) -> Delivery | None:
        """See the port."""
        due = [each for each in self._waiting() if each.due_at <= now]
        if not due:
            return None
        first = min(due, key=lambda each: each.due_at)
        claimed = replace(first, due_at=until, claims=first.claims + 1)
        self.memory.deliveries[first.id] = claimed
        self.memory.holders[first.id] = holder
        return claimed

    async def release(self, holder: str, now: datetime) -> None:
        """See the port."""
        for each in self._waiting():
            if self.memory.holders.get(each.id) == holder:
                del self.memory.holders[each.id]
                self.memory.deliveries[each.id] = replace(each, due_at=now)

    async def next_due(self) -> datetime | None:
        """See the port."""
        return min((each.due_at for each in self._waiting()), default=None)

    async def postpone(self, delivery: Delivery, due_at: datetime) -> None:
        """See the port."""
        self.memory.holders.pop(delivery.id, None)
        self._change(delivery, due_at=due_at)

    async def keep_message(self, delivery: Delivery, message: Message) -> bool:
        """See the port."""
        return self._change(delivery, message=message)

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """See the port."""
        return self._change(delivery, state=DeliveryState.SENT, sent_at=now, reason=None)

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """See the port."""
        self.memory.holders.pop(delivery.id, None)
        tries = self.memory.deliveries[delivery.id].tries + 1
        change = {"state": DeliveryState.DEAD} if due_at is None else {"due_at": due_at}
        return self._change(delivery, reason=reason, tries=tries, **change)

    def _change(self, delivery: Delivery, **fields: Any) -> bool:
        present = self.memory.deliveries[delivery.id]
        if (present.claims, present.state) != (delivery.claims, DeliveryState.WAITING):
            return False
        self.memory.deliveries[delivery.id] = replace(present, **fields)
        return True

    def _waiting(self) -> list[Delivery]:
        return [each for each in self.memory.deliveries.values() if each.state is DeliveryState.WAITING]

    async def alert(self, alert: str) -> Alert | None:
        """See the port."""
        return self.memory.alerts.get(alert)

    async def children(self, region: str) -> list[Snapshot]:
        """See the port."""
        return [shot for _, shot in sorted(self.memory.snapshots.items()) if shot.parent == region]


class _MemoryTransaction:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def move_positions(self, moves: Mapping[int, tuple[int, int]]) -> None:
        if any(self._memory.positions[partition] != before for partition, (before, _) in moves.items()):
            raise FencedError("another replica was ahead")
        self._memory.positions.update({partition: after for partition, (_, after) in moves.items()})

    async def orders(self, regions: Collection[str]) -> dict[str, SnapshotOrder]:
        return {shot.region: order_of(shot) for shot in self._memory.snapshots.values() if shot.region in regions}

    async def latest(self, region: str) -> Snapshot | None:
        return self._memory.snapshots.get(region)

    async def states(self, regions: Collection[str]) -> dict[StateKey, RuleState]:
        return {key: state for key, state in self._memory.states.items() if key[1] in regions}

    async def write(self, findings: Findings) -> None:
        self._memory.snapshots.update(findings.snapshots)
        for alert in findings.alerts:
            self._memory.alerts.setdefault(alert.id, alert)
        for transition in findings.transitions:
            self._change(transition)
        for delivery in findings.deliveries:
            self._memory.deliveries.setdefault(delivery.id, delivery)

    def _change(self, transition: Transition) -> None:
        key = (transition.rule, transition.region)
        if self._memory.states.get(key, RuleState()).version != transition.state.version - 1:
            raise FencedError("another replica made the same transition")
        self._memory.states[key] = transition.state
        self._memory.transitions.append(transition)
        id_ = alert_id(transition.rule, transition.region, transition.episode)
        if transition.alert_state is not None:
            cleared_at = transition.at if transition.alert_state is AlertState.CLEARED else None
            self._memory.alerts[id_] = replace(
                self._memory.alerts[id_], state=transition.alert_state, cleared_at=cleared_at
            )


@dataclass
class Mailbox:
    """A channel that keeps its messages; `answers` are the errors of the next attempts."""

    answers: list[TransientError | PermanentError] = field(default_factory=list)
    received: list[tuple[str, Message]] = field(default_factory=list)
    crash_after: BaseException | None = None

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port; `crash_after` is raised after the message was accepted."""
        if self.answers:
            raise self.answers.pop(0)
        self.received.append((delivery.id, message))
        if self.crash_after:
            error, self.crash_after = self.crash_after, None
            raise error


class ReadableMetrics(NotifierMetrics):
    """The notifier's metrics, whose values a test can read."""

    def __init__(self, *rules: str) -> None:
        self._registry = CollectorRegistry()
        super().__init__(self._registry, rules)

    def value(self, name: str, **labels: str) -> float:
        """Return a metric's value; 0 if it was never set."""
        return self._registry.get_sample_value(name, labels) or 0.0

    def deliveries(self, outcome: str) -> float:
        """Return how many attempts to deliver had this outcome."""
        return self.value("notifier_deliveries_total", outcome=outcome, channel="email")

    @property
    def reasons(self) -> dict[Reason, int]:
        """How many decisions had each reason."""
        name = "notifier_rule_evaluations_total"
        samples = [sample for metric in self._registry.collect() for sample in metric.samples if sample.name == name]
        return {Reason(sample.labels["reason"]): int(sample.value) for sample in samples}
