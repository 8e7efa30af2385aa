"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from services.notifier.application.alerts import Alert, AlertState, Delivery, Message, Transition
from services.notifier.domain.hysteresis import Reason, State
from shared.contracts.snapshots import Snapshot

T = TypeVar("T")
StateKey = tuple[str, str]
"""(rule, region)."""
Mark = tuple[int, datetime]
"""Orders the snapshots of a region: position, then the instant it was counted at, in whole milliseconds."""


@dataclass(slots=True)
class Findings:
    """Everything one transaction writes: the latest snapshots, the moves, new alerts and their deliveries."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


class Transaction(Protocol):
    """One transaction's view of positions, snapshots and states; what it writes stands together or not at all."""

    async def move_positions(self, moves: Mapping[int, tuple[int, int]]) -> None:
        """Move the offset to read next of each partition, from the first to the second of its pair.

        Raises: FencedError when one no longer stands at its first.
        """
        ...

    async def marks(self, regions: Collection[str]) -> dict[str, Mark]:
        """Return the mark of each region's latest snapshot, where there is one."""
        ...

    async def latest(self, region: str) -> Snapshot | None:
        """Return the region's latest snapshot."""
        ...

    async def states(self, regions: Collection[str]) -> dict[StateKey, State]:
        """Return the states of all rules in these regions; one that never moved is absent."""
        ...

    async def write(self, findings: Findings) -> None:
        """Write all of it; an alert or delivery that is there already is left as it is.

        Raises: FencedError when a state was moved by another since.
        """
        ...


class EvaluationStore(Protocol):
    """Positions, snapshots, states and alerts."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return what `work` returns once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the store is out of reach or too contended.
        """
        ...

    async def positions(self, partitions: Collection[int]) -> dict[int, int]:
        """Return the offset to read next of every partition."""
        ...

    async def waiting(self, rules: Collection[str]) -> dict[StateKey, State]:
        """Return the states of these rules that time alone can end: pending and recovering."""
        ...


class DeliveryStore(Protocol):
    """Deliveries that are under way."""

    async def claim(self, holder: str, now: datetime, until: datetime) -> Delivery | None:
        """Take up the delivery that is due longest; others leave it until then. None where nothing is due."""
        ...

    async def release(self, holder: str, now: datetime) -> None:
        """Make what this holder had taken up due at once: it was started anew and has nothing in hand."""
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next waiting delivery is due."""
        ...

    async def put_back(self, delivery: Delivery, due_at: datetime) -> None:
        """Let it be taken up again at that time; no try is counted."""
        ...

    async def freeze(self, delivery: Delivery, message: Message) -> bool:
        """Keep the message for this and all later tries; False when another has taken the delivery over."""
        ...

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """Record that the receiver has it; False as above."""
        ...

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """Record a failed try and when the next is due, or with None that it is given up; False as above."""
        ...


class Sources(Protocol):
    """What messages are written from."""

    async def alert(self, alert: str) -> Alert | None:
        """Return the alert."""
        ...

    async def children(self, region: str) -> list[Snapshot]:
        """Return the latest snapshots of the regions directly below, in order of code."""
        ...


class Gauges(Protocol):
    """Numbers of what stands now."""

    async def phases(self) -> Mapping[tuple[str, str], int]:
        """Return how many regions stand in each (rule, phase) other than ok."""
        ...

    async def waiting_deliveries(self) -> int:
        """Return how many deliveries are to be tried."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list, newest first, a page begins: after the item with this time and id."""

    at: datetime
    id: str


class Archive(Sources, Protocol):
    """What was decided and delivered, for reading."""

    async def alerts(self, region: str, state: AlertState | None, after: Place | None, limit: int) -> list[Alert]:
        """Return up to `limit` alerts of the region and all below it, newest first."""
        ...

    async def transitions(self, alert: Alert) -> list[Transition]:
        """Return the moves of the alert's episode, in order, those included that did not yet raise it."""
        ...

    async def deliveries_of(self, alert: str) -> list[Delivery]:
        """Return the alert's deliveries."""
        ...

    async def deliveries(self, after: Place | None, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries, newest first."""
        ...


class Channel(Protocol):
    """A way to reach an official."""

    async def send(self, delivery: Delivery, message: Message) -> None:
        """Return once the receiving side has taken the message over.

        Raises: TransientError when it may be taken later; PermanentError when this recipient never will.
        """
        ...


class Metrics(Protocol):
    """What the use cases tell of their work."""

    def snapshots(self, taken: int, stale: int) -> None:
        """Note snapshots taken in, and those dropped as older than what is known."""
        ...

    def evaluated(self, decisions: Sequence[tuple[str, Reason]]) -> None:
        """Note decisions by rule and reason."""
        ...

    def delivered(self, delivery: Delivery, alert: Alert, now: datetime) -> None:
        """Note a message that the receiver has, and how long it was under way."""
        ...

    def failed(self, delivery: Delivery, *, given_up: bool) -> None:
        """Note a try that failed."""
        ...

    def channel(self, channel: str, *, works: bool) -> None:
        """Note whether the channel took a message, or refused only this one, when it was last tried."""
        ...

    def standing(self, phases: Mapping[tuple[str, str], int], waiting_deliveries: int) -> None:
        """Show what stands now."""
        ...
