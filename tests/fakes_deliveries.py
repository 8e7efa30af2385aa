"""Deliveries in memory, channels that keep their messages, and deliveries to begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from services.notifier.delivery.deliveries import Delivery, DeliveryState
from services.notifier.delivery.metrics import DeliveryMetrics
from services.notifier.delivery.ports import FactsOf
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Channel, ChannelKind, Official, Role
from services.notifier.messages.message import Message, MessageFacts, Picture
from shared.regions.codes import WIB
from shared.runtime.errors import PermanentError, TransientError

TOLD_AT = datetime(2026, 11, 21, 7, 34, 56, 789_000, UTC)
GOVERNOR = Official("gubernur-11", "Gubernur Aceh", Role.GUBERNUR, "11", (Channel("email", "gubernur@example.id"),))
MESSAGE = Message(
    "Aceh: cakupan mencapai 40%", "Cakupan 40,02% − naik.", '<p><img src="cid:chart" alt="naik"></p>', "Aceh 40,02%",
    (Picture("chart", b"\x89PNG", "naik"),), TOLD_AT.astimezone(WIB), "alert-1",
)  # fmt: skip


def delivery(id_: str = "d-1", channel: str = "email:gubernur@example.id", **over: Any) -> Delivery:
    """Return a delivery that was told, and is due, at TOLD_AT."""
    kind, _, address = channel.partition(":")
    values: dict[str, Any] = {
        "id": id_, "official": GOVERNOR, "occasion": Occasion.RAISED,
        "channel": msgspec.convert({"kind": kind, "address": address}, Channel),
        "told_at": TOLD_AT, "alerts": ("alert-1",), "rules": ("active-40",), "regions": ("11",), "due_at": TOLD_AT,
    }  # fmt: skip
    return Delivery(**values | over)


class MemoryDeliveries:
    """The store in memory."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.deliveries = {delivery.id: delivery for delivery in deliveries}
        self.holders: dict[str, str] = {}

    async def claim(
        self, kind: ChannelKind, without: Collection[str], holder: str, now: datetime, until: datetime, most: int
    ) -> list[Delivery]:
        """See the port."""
        due = [each for each in self._waiting(kind, without) if each.due_at <= now]
        claimed = sorted(due, key=lambda each: each.due_at)[:most]
        for each in claimed:
            self.holders[each.id] = holder
            self.deliveries[each.id] = replace(each, due_at=until, claims=each.claims + 1)
        return sorted((self.deliveries[each.id] for each in claimed), key=lambda each: (each.told_at, each.id))

    async def next_due(self, kind: ChannelKind, without: Collection[str]) -> datetime | None:
        """See the port."""
        return min((each.due_at for each in self._waiting(kind, without)), default=None)

    async def release(self, holder: str, now: datetime) -> None:
        """See the port."""
        for each in self.deliveries.values():
            if each.state is DeliveryState.WAITING and self.holders.get(each.id) == holder:
                self.deliveries[each.id] = replace(each, due_at=now)
                del self.holders[each.id]

    async def first_told(self, delivery: Delivery) -> str | None:
        """See the port."""
        earlier = [
            each
            for each in self.deliveries.values()
            if delivery.alerts[0] in each.alerts
            and each.channel == delivery.channel
            and each.told_at < delivery.told_at
        ]
        return min(earlier, key=lambda each: each.told_at).id if earlier else None

    async def keep_message(self, delivery: Delivery, message: Message, answers: str | None, now: datetime) -> bool:
        """See the port."""
        return self._change(delivery, message=message, answers=answers, first_try_at=now)

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """See the port."""
        return self._change(delivery, state=DeliveryState.SENT, sent_at=now, reason=None)

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """See the port."""
        change: dict[str, Any] = {"state": DeliveryState.DEAD} if due_at is None else {"due_at": due_at}
        self.holders.pop(delivery.id, None)
        change |= {"tries": delivery.tries + 1, "first_try_at": delivery.first_try_at}
        return self._change(delivery, reason=reason, **change)

    def _change(self, delivery: Delivery, **fields: Any) -> bool:
        present = self.deliveries[delivery.id]
        if (present.claims, present.state) != (delivery.claims, DeliveryState.WAITING):
            return False
        self.deliveries[delivery.id] = replace(present, **fields)
        return True

    def _waiting(self, kind: ChannelKind, without: Collection[str]) -> list[Delivery]:
        return [
            each
            for each in self.deliveries.values()
            if each.state is DeliveryState.WAITING and each.channel.kind == kind and each.channel.address not in without
        ]


@dataclass
class Mailbox:
    """A channel that keeps its messages. `answers`: errors of the next tries. `deaf`: addresses that never answer."""

    answers: list[TransientError | PermanentError | RuntimeError] = field(default_factory=list)
    received: list[tuple[str, Message]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)
    listening: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port."""
        if delivery.channel.address in self.deaf:
            self.listening += 1
            self.arrived.set()
            await asyncio.Event().wait()
        if self.answers:
            raise self.answers.pop(0)
        self.received.append((delivery.id, message))
        self.arrived.set()

    async def holds(self, count: int) -> None:
        """Return once so many messages have come."""
        while len(self.received) < count:
            self.arrived.clear()
            await self.arrived.wait()


class KnownFacts:
    """Facts without alerts; `error` is raised instead, and whatever is read together with `poison` fails."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.poison = ""
        self.read_for: list[str] = []

    async def read(self, deliveries: Sequence[Delivery]) -> FactsOf:
        """See the port."""
        self.read_for += [delivery.id for delivery in deliveries]
        if self.error is not None:
            raise self.error
        if self.poison in {delivery.id for delivery in deliveries}:
            raise RuntimeError("a defect in what one of them reads")
        return lambda delivery: MessageFacts(
            delivery.id, delivery.official, delivery.channel.kind, delivery.occasion, delivery.told_at, (), ""
        )


class ReadableDeliveryMetrics(DeliveryMetrics):
    """Metrics whose values a test can read."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        super().__init__(self._registry)

    def value(self, name: str, **labels: str) -> float:
        """Return a metric's value; 0 if it was never set."""
        return self._registry.get_sample_value(name, labels) or 0.0

    def tries(self, outcome: str, channel: str = "email") -> float:
        """Return how many tries ended so."""
        return self.value("notifier_deliveries_total", outcome=outcome, channel=channel)
