"""Metrics of the monthly releases."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge


class ReleaseMetrics:
    """Shows whether the newest release that is due is there; every replica shows the same."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._missing_since = Gauge(
            "coverage_release_missing_since_timestamp_seconds",
            "When the newest release that is due and not there was due; 0 if it is there",
            registry=registry,
        )

    def show_missing_since(self, due_at: datetime | None) -> None:
        """Show since when a release has been missing; None: none is."""
        self._missing_since.set(0 if due_at is None else due_at.timestamp())
