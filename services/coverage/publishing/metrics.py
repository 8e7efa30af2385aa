"""Metrics of publishing. A region is a label only down to the regency; nothing personal ever is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.contracts.snapshots import Ratio, Snapshot

_SHOWN_LEVELS: Final = frozenset({"nation", "province", "regency"})
"""Villages would make 83,762 series."""


class PublishingMetrics:
    """Counts snapshots, and shows the state of the larger regions that this replica publishes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._snapshots = Counter("coverage_snapshots_published_total", "Snapshots on the topic", registry=registry)
        region = ("region",)
        self._registered = Gauge("coverage_registered", "People registered", region, registry=registry)
        self._active = Gauge("coverage_active", "People active", region, registry=registry)
        self._ratio = Gauge(
            "coverage_ratio", "People of a measure ÷ potential workers", ("region", "measure"), registry=registry
        )
        self._shown: set[str] = set()

    def published(self, snapshots: Sequence[Snapshot]) -> None:
        """Count snapshots that are on the topic, and show their numbers."""
        self._snapshots.inc(len(snapshots))
        for one in (snapshot for snapshot in snapshots if snapshot.level in _SHOWN_LEVELS):
            self._shown.add(one.region)
            self._registered.labels(one.region).set(one.registered)
            self._active.labels(one.region).set(one.active)
            self._show_ratio(one.region, "registered", one.coverage.registered)
            self._show_ratio(one.region, "active", one.coverage.active)

    def _show_ratio(self, region: str, measure: str, ratio: Ratio | None) -> None:
        """Show a ratio that exists; remove one that no longer does, so that no old value stays."""
        if ratio is not None and ratio.ratio is not None:
            self._ratio.labels(region, measure).set(ratio.ratio)
        else:
            self._ratio.remove(region, measure)

    def keep(self, owns: Callable[[str], bool]) -> None:
        """Remove the regions that other replicas show now: two replicas must not show two states of one region."""
        for region in [region for region in self._shown if not owns(region)]:
            self._shown.discard(region)
            for gauge in (self._registered, self._active):
                gauge.remove(region)
            for measure in ("registered", "active"):
                self._show_ratio(region, measure, None)
