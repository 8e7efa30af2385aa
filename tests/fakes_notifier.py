"""The notifier's ports in memory, for laws and timelines; held to the same suite as the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Message, Transition
from services.notifier.application.evaluate import mark_of
from services.notifier.application.ports import Findings, Mark, Place, StateKey, Transaction
from services.notifier.domain.hysteresis import WAITING, Phase, Reason, State
from services.notifier.domain.ids import alert_id
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import holds
from shared.runtime.errors import FencedError, PermanentError, TransientError

T = TypeVar("T")


@dataclass
class Memory:
    """What would be in the database."""

    positions: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    states: dict[StateKey, State] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)


class MemoryStore:
    """Every port over one memory; `fail_next` makes the next commit fail."""

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

    async def waiting(self, rules: Collection[str]) -> dict[StateKey, State]:
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

    async def put_back(self, delivery: Delivery, due_at: datetime) -> None:
        """See the port."""
        self.memory.holders.pop(delivery.id, None)
        self._change(delivery, due_at=due_at)

    async def freeze(self, delivery: Delivery, message: Message) -> bool:
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

    async def alerts(self, region: str, state: AlertState | None, after: Place | None, limit: int) -> list[Alert]:
        """See the port."""
        asked = [
            (alert.raised_at, alert.id, alert)
            for alert in self.memory.alerts.values()
            if holds(region, alert.snapshot.region) and state in (None, alert.state)
        ]
        return _page(asked, after, limit)

    async def transitions(self, alert: Alert) -> list[Transition]:
        """See the port."""
        key = (alert.rule.id, alert.snapshot.region, alert.episode)
        return [move for move in self.memory.transitions if (move.rule, move.region, move.episode) == key]

    async def deliveries_of(self, alert: str) -> list[Delivery]:
        """See the port."""
        return [each for _, each in sorted(self.memory.deliveries.items()) if each.alert == alert]

    async def deliveries(self, after: Place | None, limit: int) -> list[Delivery]:
        """See the port."""
        return _page([(each.created_at, each.id, each) for each in self.memory.deliveries.values()], after, limit)

    async def phases(self) -> Mapping[tuple[str, str], int]:
        """See the port."""
        counts: dict[tuple[str, str], int] = {}
        for (rule, _), state in self.memory.states.items():
            if state.phase is not Phase.OK:
                counts[rule, state.phase.value] = counts.get((rule, state.phase.value), 0) + 1
        return counts

    async def waiting_deliveries(self) -> int:
        """See the port."""
        return len(self._waiting())


def _page(items: Sequence[tuple[datetime, str, T]], after: Place | None, limit: int) -> list[T]:
    newest_first = sorted(items, key=lambda item: item[:2], reverse=True)
    return [item for at, id_, item in newest_first if after is None or (at, id_) < (after.at, after.id)][:limit]


class _MemoryTransaction:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def move_positions(self, moves: Mapping[int, tuple[int, int]]) -> None:
        if any(self._memory.positions[partition] != before for partition, (before, _) in moves.items()):
            raise FencedError("another replica was ahead")
        self._memory.positions.update({partition: after for partition, (_, after) in moves.items()})

    async def marks(self, regions: Collection[str]) -> dict[str, Mark]:
        return {shot.region: mark_of(shot) for shot in self._memory.snapshots.values() if shot.region in regions}

    async def latest(self, region: str) -> Snapshot | None:
        return self._memory.snapshots.get(region)

    async def states(self, regions: Collection[str]) -> dict[StateKey, State]:
        return {key: state for key, state in self._memory.states.items() if key[1] in regions}

    async def write(self, findings: Findings) -> None:
        self._memory.snapshots.update(findings.snapshots)
        for alert in findings.alerts:
            self._memory.alerts.setdefault(alert.id, alert)
        for move in findings.transitions:
            self._move(move)
        for delivery in findings.deliveries:
            self._memory.deliveries.setdefault(delivery.id, delivery)

    def _move(self, move: Transition) -> None:
        key = (move.rule, move.region)
        if self._memory.states.get(key, State()).version != move.state.version - 1:
            raise FencedError("another replica made the same move of a state")
        self._memory.states[key] = move.state
        self._memory.transitions.append(move)
        id_ = alert_id(move.rule, move.region, move.episode)
        if move.alert_state is not None:
            cleared_at = move.at if move.alert_state is AlertState.CLEARED else None
            self._memory.alerts[id_] = replace(self._memory.alerts[id_], state=move.alert_state, cleared_at=cleared_at)


@dataclass
class Mailbox:
    """A channel that keeps what it is given; `answers` are the errors of the next tries."""

    answers: list[TransientError | PermanentError] = field(default_factory=list)
    received: list[tuple[str, Message]] = field(default_factory=list)
    crash_after: BaseException | None = None

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port; `crash_after` is raised once the message was taken."""
        if self.answers:
            raise self.answers.pop(0)
        self.received.append((delivery.id, message))
        if self.crash_after:
            error, self.crash_after = self.crash_after, None
            raise error


class Told:
    """What the use cases told of their work."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.stale = 0
        self.sent = 0
        self.given_up = 0
        self.tried_again = 0
        self.works: list[bool] = []
        self.stands: tuple[Mapping[tuple[str, str], int], int] = ({}, 0)

    def snapshots(self, taken: int, stale: int) -> None:
        """See the port."""
        self.stale += stale

    def evaluated(self, decisions: Sequence[tuple[str, Reason]]) -> None:
        """See the port."""
        self.reasons += [reason for _, reason in decisions]

    def delivered(self, delivery: Delivery, alert: Alert, now: datetime) -> None:
        """See the port."""
        self.sent += 1

    def failed(self, delivery: Delivery, *, given_up: bool) -> None:
        """See the port."""
        self.given_up += given_up
        self.tried_again += not given_up

    def channel(self, channel: str, *, works: bool) -> None:
        """See the port."""
        self.works.append(works)

    def standing(self, phases: Mapping[tuple[str, str], int], waiting_deliveries: int) -> None:
        """See the port."""
        self.stands = (phases, waiting_deliveries)
