"""The registry's Prometheus metrics. Labels: outcomes, types and codes only, all from closed lists."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.registry.intake.commit import Outcome
from services.registry.ports import Backlog
from shared.runtime.metrics import FAST_SECONDS, SIZES


class RegistryMetrics:
    """Counts facts, commits and what the relay does."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._facts = Counter(
            "registry_facts_total", "Facts answered", ("outcome", "type", "reason"), registry=registry
        )
        self._answered = Histogram(
            "registry_answer_seconds", "From a fact's arrival to its answer", buckets=FAST_SECONDS, registry=registry
        )
        self._rejected = Counter(
            "registry_facts_rejected_total", "Facts of the Kafka topic that were refused, by code", ("code",),
            registry=registry,
        )  # fmt: skip
        self._group = Histogram("registry_group_facts", "Facts a group commit", buckets=SIZES, registry=registry)
        self._commit = Histogram(
            "registry_commit_seconds", "Time of a group commit", buckets=FAST_SECONDS, registry=registry
        )
        self._swept = Counter("registry_swept_people_total", "People the clock has changed", registry=registry)
        self._swept_to = Gauge(
            "registry_swept_to_timestamp_seconds", "Instant up to which the clock's effects are published",
            registry=registry,
        )  # fmt: skip
        self._relayed = Counter("registry_changes_published_total", "Changes on the topic", registry=registry)
        self._round = Histogram(
            "registry_relay_round_seconds", "Time of a relay round that published", buckets=FAST_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._unpublished = Gauge("registry_ledger_unpublished", "Changes not on the topic yet", registry=registry)
        self._oldest = Gauge(
            "registry_ledger_oldest_unpublished_seconds", "Age of the oldest of them; 0 when none", registry=registry
        )
        self._rehomed = Counter(
            "registry_rehomed_facts_total", "Facts read whose region code was retired", registry=registry
        )
        self._led = Gauge("registry_relay_partitions", "Partitions this replica leads", registry=registry)

    def answered(self, type_: str, outcome: Outcome, seconds: float) -> None:
        """Count one fact's answer."""
        reason = outcome.refusal.code.value if outcome.refusal else ""
        self._facts.labels(outcome.result.value, type_, reason).inc()
        self._answered.observe(seconds)

    def rehomed(self) -> None:
        """Count one fact whose region code was retired and had one successor."""
        self._rehomed.inc()

    def rejected(self, code: str, count: int) -> None:
        """Count facts told of on the rejected topic."""
        self._rejected.labels(code).inc(count)

    def committed(self, size: int, seconds: float) -> None:
        """See the port."""
        self._group.observe(size)
        self._commit.observe(seconds)

    def swept(self, people: int, oldest_due: datetime) -> None:
        """See the port."""
        self._swept.inc(people)
        self._swept_to.set(oldest_due.timestamp())

    def published(self, changes: int, seconds: float) -> None:
        """See the port."""
        self._relayed.inc(changes)
        self._round.observe(seconds)

    def backlog(self, backlog: Backlog, now: datetime) -> None:
        """See the port."""
        oldest = backlog.oldest_recorded_at
        self._unpublished.set(backlog.changes)
        self._oldest.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)

    def leads(self, partitions: int) -> None:
        """See the port."""
        self._led.set(partitions)
