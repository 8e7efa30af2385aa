"""Notifier's Prometheus metrics. Labels (rules, reasons, phases, channels) come from closed lists."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notifier.application.alerts import Alert, Delivery
from services.notifier.domain.hysteresis import Phase, Reason
from shared.runtime.metrics import WAY_SECONDS


class NotifierMetrics:
    """Counts records, decisions and deliveries, and shows the present alerts and waiting deliveries."""

    def __init__(self, registry: CollectorRegistry, rules: Iterable[str]) -> None:
        self._rules = tuple(rules)
        self._records = Counter("notifier_records_total", "Records of snapshots", ("outcome",), registry=registry)
        self._evaluations = Counter(
            "notifier_rule_evaluations_total", "Decisions", ("rule", "reason"), registry=registry
        )
        self._alerts = Gauge(
            "notifier_alerts", "Regions in a phase other than ok, by rule", ("rule", "state"), registry=registry
        )
        self._deliveries = Counter(
            "notifier_deliveries_total", "Tries to deliver: sent, failed (to be tried again), dead",
            ("outcome", "channel"), registry=registry,
        )  # fmt: skip
        self._waiting = Gauge("notifier_deliveries_waiting", "Deliveries still to be tried", registry=registry)
        self._works = Gauge(
            "notifier_channel_works", "0 where the last try failed, but not by a refusal of that message", ("channel",),
            registry=registry,
        )  # fmt: skip
        self._accepted = Histogram(
            "notifier_accepted_to_delivered_seconds", "From recorded by the registry to delivered, without hold times",
            buckets=WAY_SECONDS, registry=registry,
        )  # fmt: skip
        self._counted = Histogram(
            "notifier_counted_to_delivered_seconds", "From counted by coverage to delivered, without hold times",
            buckets=WAY_SECONDS, registry=registry,
        )  # fmt: skip

    def snapshots(self, taken: int, stale: int) -> None:
        """Count the snapshots that were evaluated, and those dropped because a newer one is known."""
        self._records.labels("taken").inc(taken)
        self._records.labels("stale").inc(stale)

    def set_aside(self) -> None:
        """Count a record that became a dead letter."""
        self._records.labels("dead").inc()

    def evaluated(self, decisions: Sequence[tuple[str, Reason]]) -> None:
        """Count decisions by rule and reason."""
        for (rule, reason), times in Tally(decisions).items():
            self._evaluations.labels(rule, reason.value).inc(times)

    def delivered(self, delivery: Delivery, alert: Alert, now: datetime) -> None:
        """Count a sent message and the time it took, unless the rule has a hold time, which would hide our speed."""
        self._deliveries.labels("sent", delivery.channel).inc()
        if alert.rule.hold_for:
            return
        self._counted.observe(max(0.0, (now - alert.snapshot.as_of).total_seconds()))
        if alert.snapshot.recorded_at is not None:
            self._accepted.observe(max(0.0, (now - alert.snapshot.recorded_at).total_seconds()))

    def failed(self, delivery: Delivery, *, given_up: bool) -> None:
        """Count a failed attempt."""
        self._deliveries.labels("dead" if given_up else "failed", delivery.channel).inc()

    def channel(self, channel: str, *, works: bool) -> None:
        """Show whether the last attempt succeeded, or failed only for its own recipient or message."""
        self._works.labels(channel).set(int(works))

    def show(self, phases: Mapping[tuple[str, str], int], waiting_deliveries: int) -> None:
        """Show how many regions are in each (rule, phase), and how many deliveries wait."""
        for rule in self._rules:
            for phase in (Phase.PENDING, Phase.FIRING, Phase.RECOVERING):
                self._alerts.labels(rule, phase.value).set(phases.get((rule, phase.value), 0))
        self._waiting.set(waiting_deliveries)
