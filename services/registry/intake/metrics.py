"""What is counted about facts. Labels are outcomes, types and codes only, all from closed lists."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.registry.domain.errors import RefusalCode
from services.registry.domain.outcomes import Outcome
from shared.runtime.metrics import FAST_SECONDS, SIZES

CONFLICT: Final = "conflict"
"""Stands where a code of refusal would, for a fact whose id another fact has."""


class IntakeMetrics:
    """Counts facts by what became of them, and group commits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._facts = Counter(
            "registry_facts_total", "Facts answered", ("outcome", "type", "reason"), registry=registry
        )
        self._answered = Histogram(
            "registry_answer_seconds",
            "From arrival to answer; facts that are answered together count once",
            buckets=FAST_SECONDS,
            registry=registry,
        )
        self._rejected = Counter(
            "registry_facts_rejected_total", "Facts of the Kafka topic that were refused, by code", ("code",),
            registry=registry,
        )  # fmt: skip
        self._rehomed = Counter(
            "registry_rehomed_facts_total", "Facts read whose region code was retired", registry=registry
        )
        self._group = Histogram("registry_group_facts", "Facts a group commit", buckets=SIZES, registry=registry)
        self._commit = Histogram(
            "registry_commit_seconds", "Time of a group commit", buckets=FAST_SECONDS, registry=registry
        )
        # At 0 from the start: an alert sees a counter rise, but not appear.
        for code in (*RefusalCode, CONFLICT):
            self._rejected.labels(code)

    def answered(self, facts: Iterable[tuple[str, Outcome]], seconds: float) -> None:
        """Count facts, each a type and an outcome, that were answered together so many seconds after they arrived."""
        counted = Counted(facts)
        for (type_, outcome), count in counted.items():
            reason = outcome.refusal.code.value if outcome.refusal else ""
            self._facts.labels(outcome.result.value, type_, reason).inc(count)
        if counted:
            self._answered.observe(seconds)

    def rehomed(self) -> None:
        """Count one fact whose region code was retired and has one successor."""
        self._rehomed.inc()

    def rejected(self, by_code: Mapping[str, int]) -> None:
        """Count facts that were reported on the rejected topic."""
        for code, count in by_code.items():
            self._rejected.labels(code).inc(count)

    def committed(self, size: int, seconds: float) -> None:
        """Count one group commit."""
        self._group.observe(size)
        self._commit.observe(seconds)
