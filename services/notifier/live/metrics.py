"""Metrics of the evaluator. Labels (rules, reasons, pieces) come from closed lists or from the file of rules."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notifier.engine.decisions import HeldReason, Occasion
from services.notifier.engine.directory import Role
from services.notifier.engine.states import MoveReason, Phase
from services.notifier.engine.world import World
from services.notifier.live.batch import Batch
from shared.adapters.kafka_partitions import ReaderMetrics

_REASONS: Final[Mapping[str, Iterable[str]]] = {
    "move": MoveReason, "message": Occasion, "held": HeldReason, "vacancy": Role,
}  # fmt: skip
"""The second label of each decision, by the first."""
_SHOWN: Final = (Phase.PENDING, Phase.FIRING, Phase.RECOVERING)


class LiveMetrics:
    """Counts records and decisions; shows who evaluates, how far, and how much there is. A standby shows zeros."""

    def __init__(self, registry: CollectorRegistry, topic: str) -> None:
        self._topic = topic
        self._lag = ReaderMetrics(registry)
        self._evaluates = Gauge("notifier_evaluates", "1 where this replica evaluates", registry=registry)
        self._records = Counter("notifier_records_total", "Records of snapshots", ("outcome",), registry=registry)
        self._decisions = Counter(
            "notifier_decisions_total", "Decisions: what, and its reason, occasion or role", ("what", "reason"),
            registry=registry,
        )  # fmt: skip
        self._alerts = Gauge(
            "notifier_alerts", "Regions in a phase other than ok, by rule", ("rule", "state"), registry=registry
        )
        self._pieces = Gauge("notifier_world_pieces", "Pieces of the state in memory", ("piece",), registry=registry)
        self._decided_until = Gauge(
            "notifier_decided_until_timestamp_seconds", "All that is due up to then is decided", registry=registry
        )
        self._bad_file = Gauge(
            "notifier_rules_file_bad", "1 while the file of rules is refused and others are in force", registry=registry
        )
        # At 0 from the start: an alert sees a counter rise, but not appear.
        for what, reasons in _REASONS.items():
            for reason in reasons:
                self._decisions.labels(what, reason)

    def record(self, outcome: str) -> None:
        """Count a record."""
        self._records.labels(outcome).inc()

    def written(self, batch: Batch) -> None:
        """Count what was made durable."""
        for outcome, times in batch.records.items():
            self._records.labels(outcome).inc(times)
        for (what, reason), times in batch.reasons.items():
            self._decisions.labels(what, reason).inc(times)

    def rules_file(self, *, bad: bool) -> None:
        """Show whether the file of rules is refused."""
        self._bad_file.set(int(bad))

    def progress(self, lag: Mapping[int, int], until_ms: int, behind_ms: int) -> None:
        """Show how many records of each partition wait, and up to when, so far behind the clock, all is decided."""
        self._decided_until.set(until_ms / 1000)
        for partition, records in lag.items():
            self._lag.lag_records.labels(self._topic, partition).set(records)
            self._lag.lag_seconds.labels(self._topic, partition).set(behind_ms / 1000 if records else 0)

    async def world(self, world: World) -> None:
        """Show the sizes of the world, and its alerts."""
        self._evaluates.set(1)
        self._pieces.labels("region").set(len(world.regions))
        self._pieces.labels("watch").set(len(world.watches))
        self._pieces.labels("digest").set(len(world.digests))
        self._pieces.labels("silence").set(len(world.silences))
        phases = await asyncio.to_thread(Tally, ((rule, watch.phase) for (rule, _), watch in world.watches.items()))
        self._alerts.clear()
        for rule in world.rules:
            for phase in _SHOWN:
                self._alerts.labels(rule, phase.value).set(phases[rule, phase])

    def stands_by(self) -> None:
        """Show that another replica evaluates."""
        self._evaluates.set(0)
        for gauge in (self._alerts, self._pieces, self._lag.lag_records, self._lag.lag_seconds):
            gauge.clear()
