"""What the use cases need from outside: a store of alerts, deliveries, and channels to officials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from services.notifier.application.alerts import Alert, Delivery, Message, Transition
from services.notifier.domain.hysteresis import RuleState
from shared.contracts.snapshots import Snapshot

T = TypeVar("T")
StateKey = tuple[str, str]
"""(rule, region)."""
SnapshotOrder = tuple[int, datetime]
"""Orders the snapshots of a region: position, then the time of counting in whole milliseconds."""


@dataclass(slots=True)
class Findings:
    """Everything that one transaction writes: latest snapshots, transitions, new alerts and their deliveries."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


class Transaction(Protocol):
    """One transaction on positions, snapshots and states. All its writes are made, or none."""

    async def move_positions(self, moves: Mapping[int, tuple[int, int]]) -> None:
        """Move each partition's next offset from the first of its pair to the second.

        Raises: FencedError when a partition is not at its first.
        """
        ...

    async def orders(self, regions: Collection[str]) -> dict[str, SnapshotOrder]:
        """Return the order of each region's latest snapshot; a region without a snapshot is absent."""
        ...

    async def latest(self, region: str) -> Snapshot | None:
        """Return the region's latest snapshot."""
        ...

    async def states(self, regions: Collection[str]) -> dict[StateKey, RuleState]:
        """Return the states of all rules in these regions; a state that never changed is absent."""
        ...

    async def write(self, findings: Findings) -> None:
        """Write the findings; an existing alert or delivery stays as it is.

        Raises: FencedError when another replica has changed a state since.
        """
        ...


class EvaluationStore(Protocol):
    """Positions, snapshots, states and alerts."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return the result of `work` once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the store is out of reach or too many writes conflict.
        """
        ...

    async def positions(self, partitions: Collection[int]) -> dict[int, int]:
        """Return the next offset of every partition."""
        ...

    async def waiting(self, rules: Collection[str]) -> dict[StateKey, RuleState]:
        """Return the states of these rules whose hold time is running: pending and recovering."""
        ...


class DeliveryStore(Protocol):
    """Deliveries, and what their messages are written from."""

    async def alert(self, alert: str) -> Alert | None:
        """Return the alert."""
        ...

    async def children(self, region: str) -> list[Snapshot]:
        """Return the latest snapshots of the regions directly below, in order of code."""
        ...

    async def claim(self, holder: str, now: datetime, until: datetime) -> Delivery | None:
        """Claim the delivery that has been due longest; others leave it alone until `until`. None if none is due."""
        ...

    async def release(self, holder: str, now: datetime) -> None:
        """Make all deliveries that this holder has claimed due now. A holder calls it when it starts."""
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next waiting delivery is due."""
        ...

    async def postpone(self, delivery: Delivery, due_at: datetime) -> None:
        """Give up the claim until `due_at` without counting an attempt."""
        ...

    async def keep_message(self, delivery: Delivery, message: Message) -> bool:
        """Store the message for this and all later attempts; False if another worker has claimed the delivery."""
        ...

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """Record that the receiver has the message; False as above."""
        ...

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """Record a failed attempt and when the next is due, None to give the delivery up; False as above."""
        ...


class Channel(Protocol):
    """A way to reach an official."""

    async def send(self, delivery: Delivery, message: Message) -> None:
        """Return once the receiving side has accepted the message.

        Raises: TransientError when it may accept it later; PermanentError when it never will.
        """
        ...
