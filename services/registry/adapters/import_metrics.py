"""Prometheus metrics of imports. Their facts count among all facts (`registry_facts_total`) as well."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.registry.application.import_ports import Counts, State
from services.registry.intake.commit import Outcome
from services.registry.metrics import RegistryMetrics


class PrometheusImports:
    """Counts rows and jobs."""

    def __init__(self, registry: CollectorRegistry, facts: RegistryMetrics) -> None:
        self._facts = facts
        self._rows = Counter("registry_import_rows_total", "Rows of imports decided", ("outcome",), registry=registry)
        self._ended = Counter("registry_imports_ended_total", "Imports ended here", ("state",), registry=registry)
        self._unfinished = Gauge(
            "registry_imports_unfinished", "Imports that have not ended, of all replicas", ("state",), registry=registry
        )

    def answered(self, type_: str, outcome: Outcome, seconds: float) -> None:
        """See the port."""
        self._facts.answered(type_, outcome, seconds)

    def recorded(self, counts: Counts) -> None:
        """See the port."""
        for outcome, rows in counts.items():
            self._rows.labels(outcome).inc(rows)

    def ended(self, state: State) -> None:
        """See the port."""
        self._ended.labels(state.value).inc()

    def unfinished(self, by_state: Mapping[State, int]) -> None:
        """See the port."""
        for state, jobs in by_state.items():
            self._unfinished.labels(state.value).set(jobs)
