"""Metrics of counting."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.runtime.metrics import FAST_SECONDS, SIZES, WAY_SECONDS


class CountingMetrics:
    """Counts records and flushes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = Counter("coverage_records_total", "Records of changes", ("outcome",), registry=registry)
        self._flush_size = Histogram("coverage_flush_changes", "New changes a flush", buckets=SIZES, registry=registry)
        self._flush = Histogram("coverage_flush_seconds", "Time of a flush", buckets=FAST_SECONDS, registry=registry)
        self._way = Histogram(
            "coverage_accepted_to_counted_seconds", "From recorded by the registry to counted: the oldest of a flush",
            buckets=WAY_SECONDS, registry=registry,
        )  # fmt: skip
        self._gaps = Counter("coverage_sequence_gaps_total", "Partitions stopped as a seq was missing",
                             registry=registry)  # fmt: skip

    def flushed(self, applied: int, dropped: int, seconds: float, oldest_s: float | None) -> None:
        """Count a flush: new changes, repeated ones, its time, and how long ago its oldest change was recorded."""
        self._records.labels("applied").inc(applied)
        self._records.labels("dropped_duplicate").inc(dropped)
        self._flush_size.observe(applied)
        self._flush.observe(seconds)
        if oldest_s is not None:
            self._way.observe(max(0.0, oldest_s))

    def set_aside(self) -> None:
        """Count a record that became a dead letter."""
        self._records.labels("dead").inc()

    def gap(self) -> None:
        """Count a partition that stopped at a missing seq."""
        self._gaps.inc()
