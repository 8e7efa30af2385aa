"""Prometheus metrics of deliveries. The label `channel` is the kind of channel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notifier.delivery.deliveries import Delivery
from services.notifier.engine.directory import ChannelKind
from shared.runtime.metrics import WAY_SECONDS

KINDS: Final[tuple[ChannelKind, ...]] = ("email", "webhook", "chat")
"""All kinds, so that each has its figures from the start."""

Outcome: TypeAlias = Literal["sent", "failed", "dead"]
"""What became of a try."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries of a kind that were not sent. `oldest`: when the first of those that wait was told."""

    kind: ChannelKind
    waiting: int
    dead: int
    oldest: datetime | None


class DeliveryMetrics:
    """Counts tries, and shows what waits and what is dead."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "notifier_deliveries_total", "Tries to deliver: sent, failed (to be tried again), dead",
            ("outcome", "channel"), registry=registry,
        )  # fmt: skip
        self._works = Gauge(
            "notifier_channel_works", "0 where the last try failed, but not by a refusal of that message", ("channel",),
            registry=registry,
        )  # fmt: skip
        self._took = Histogram(
            "notifier_told_to_sent_seconds", "From the decision to tell until the receiving side has the message",
            ("channel",), buckets=WAY_SECONDS, registry=registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "notifier_deliveries_waiting", "Deliveries still to be tried", ("channel",), registry=registry
        )
        self._dead = Gauge("notifier_deliveries_dead", "Deliveries given up", ("channel",), registry=registry)
        self._oldest = Gauge(
            "notifier_deliveries_oldest_waiting_seconds", "Since the oldest waiting delivery was told; 0: none waits",
            ("channel",), registry=registry,
        )  # fmt: skip
        # At 0 from the start: an alert sees a counter rise, but not appear.
        for kind in KINDS:
            self._took.labels(kind)
            for outcome in get_args(Outcome):
                self._tries.labels(outcome, kind)

    def tried(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Count a try."""
        self._tries.labels(outcome, delivery.channel.kind).inc()
        if outcome == "sent":
            waited = now - delivery.told_at
            self._took.labels(delivery.channel.kind).observe(max(timedelta(), waited).total_seconds())

    def works(self, kind: ChannelKind, works: bool) -> None:
        """Show whether the last try succeeded, or failed only for its own recipient or message."""
        self._works.labels(kind).set(int(works))

    def show(self, backlogs: Iterable[Backlog], now: datetime) -> None:
        """Show what was not sent."""
        by_kind = {backlog.kind: backlog for backlog in backlogs}
        for kind in KINDS:
            backlog = by_kind.get(kind, Backlog(kind, 0, 0, None))
            self._waiting.labels(kind).set(backlog.waiting)
            self._dead.labels(kind).set(backlog.dead)
            age = timedelta() if backlog.oldest is None else max(timedelta(), now - backlog.oldest)
            self._oldest.labels(kind).set(age.total_seconds())
