"""Coverage's Prometheus metrics. A region is a label only down to the regency; nothing personal ever is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.coverage.proof.ports import Proof
from shared.contracts.snapshots import Ratio, Snapshot
from shared.runtime.metrics import FAST_SECONDS, SIZES, WAY_SECONDS

_SHOWN_LEVELS: Final = frozenset({"nation", "province", "regency"})
"""Villages would make 83,762 series."""


class CoverageMetrics:
    """Counts records, flushes and snapshots, and shows the state of the larger regions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = Counter("coverage_records_total", "Records of changes", ("outcome",), registry=registry)
        self._flush_size = Histogram("coverage_flush_changes", "New changes a flush", buckets=SIZES, registry=registry)
        self._flush = Histogram("coverage_flush_seconds", "Time of a flush", buckets=FAST_SECONDS, registry=registry)
        self._way = Histogram(
            "coverage_accepted_to_counted_seconds", "From recorded by the registry to counted: the oldest of a flush",
            buckets=WAY_SECONDS, registry=registry,
        )  # fmt: skip
        self._snapshots = Counter("coverage_snapshots_published_total", "Snapshots on the topic", registry=registry)
        self._gaps = Counter("coverage_sequence_gaps_total", "Partitions stopped as a seq was missing",
                             registry=registry)  # fmt: skip
        region = ("region",)
        self._registered = Gauge("coverage_registered", "People registered", region, registry=registry)
        self._active = Gauge("coverage_active", "People active", region, registry=registry)
        self._ratio = Gauge(
            "coverage_ratio", "People of a measure ÷ potential workers", ("region", "measure"), registry=registry
        )
        self._shown: set[str] = set()
        self._differences = Gauge(
            "coverage_verify_differences", "Counters not as they must be, in the last full pass or this one",
            registry=registry,
        )  # fmt: skip
        self._proved_at = Gauge(
            "coverage_verify_last_pass_timestamp_seconds", "When the last full pass of the proof ended; 0 before any",
            registry=registry,
        )  # fmt: skip
        self._proving = Gauge("coverage_verify_partition", "The partition that is proved now", registry=registry)

    def flushed(self, applied: int, dropped: int, seconds: float, oldest_s: float | None) -> None:
        """See the port."""
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

    def published(self, snapshots: Sequence[Snapshot]) -> None:
        """See the port."""
        self._snapshots.inc(len(snapshots))
        for snapshot in snapshots:
            if snapshot.level in _SHOWN_LEVELS:
                self._show(snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        self._shown.add(snapshot.region)
        self._registered.labels(snapshot.region).set(snapshot.registered)
        self._active.labels(snapshot.region).set(snapshot.active)
        self._show_ratio(snapshot.region, "registered", snapshot.coverage.registered)
        self._show_ratio(snapshot.region, "active", snapshot.coverage.active)

    def _show_ratio(self, region: str, measure: str, ratio: Ratio | None) -> None:
        """Show a ratio that exists; one that no longer does vanishes rather than standing still."""
        if ratio is not None and ratio.ratio is not None:
            self._ratio.labels(region, measure).set(ratio.ratio)
        else:
            self._ratio.remove(region, measure)

    def proved(self, proof: Proof) -> None:
        """See the port. Every replica shows the same: whichever proves keeps for all how far it is."""
        last = proof.last
        self._differences.set(max(proof.differences, last.differences if last else 0))
        self._proved_at.set(last.at.timestamp() if last else 0)
        self._proving.set(proof.partition)

    def keep(self, owns: Callable[[str], bool]) -> None:
        """Take away what other replicas show now: two replicas must not tell two states of one region."""
        for region in [region for region in self._shown if not owns(region)]:
            self._shown.discard(region)
            for gauge in (self._registered, self._active):
                gauge.remove(region)
            for measure in ("registered", "active"):
                self._show_ratio(region, measure, None)
