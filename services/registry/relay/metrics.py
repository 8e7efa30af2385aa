"""What is counted about the relay and the clock."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.registry.relay.ports import Backlog
from shared.runtime.metrics import FAST_SECONDS


class SweepMetrics:
    """Counts the people whom the clock alone changed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._swept = Counter("registry_swept_people_total", "People the clock has changed", registry=registry)
        self._swept_to = Gauge(
            "registry_swept_to_timestamp_seconds", "Instant up to which the clock's effects are published",
            registry=registry,
        )  # fmt: skip

    def swept(self, people: int, oldest_due: datetime) -> None:
        """Count one batch; `oldest_due` is the earliest instant whose effect it published."""
        self._swept.inc(people)
        self._swept_to.set(oldest_due.timestamp())


class RelayMetrics:
    """Counts published changes, and shows those that wait."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._relayed = Counter("registry_changes_published_total", "Changes on the topic", registry=registry)
        self._round = Histogram(
            "registry_relay_round_seconds", "Time of a relay round that published", buckets=FAST_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._unpublished = Gauge("registry_ledger_unpublished", "Changes not on the topic yet", registry=registry)
        self._oldest = Gauge(
            "registry_ledger_oldest_unpublished_seconds", "Age of the oldest of them; 0 when none", registry=registry
        )
        self._led = Gauge("registry_relay_partitions", "Partitions this replica leads", registry=registry)

    def published(self, changes: int, seconds: float) -> None:
        """Count one round that published."""
        self._relayed.inc(changes)
        self._round.observe(seconds)

    def backlog(self, backlog: Backlog, now: datetime) -> None:
        """Show what waits."""
        oldest = backlog.oldest_recorded_at
        self._unpublished.set(backlog.changes)
        self._oldest.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)

    def leads(self, partitions: int) -> None:
        """Show how many partitions this replica leads."""
        self._led.set(partitions)
