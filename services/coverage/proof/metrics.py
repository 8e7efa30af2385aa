"""Metrics of the proof."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from services.coverage.proof.ports import Proof


class ProofMetrics:
    """Shows what the background verifier found; every replica shows the same, whichever of them verifies."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._differences = Gauge(
            "coverage_verify_differences", "Counters not as they must be, in the last full pass or this one",
            registry=registry,
        )  # fmt: skip
        self._last_pass = Gauge(
            "coverage_verify_last_pass_timestamp_seconds", "When the last full pass of the proof ended; 0 before any",
            registry=registry,
        )  # fmt: skip
        self._partition = Gauge("coverage_verify_partition", "The partition that is proved now", registry=registry)

    def show(self, proof: Proof) -> None:
        """Show how far the proof is and what it found."""
        last = proof.last
        self._differences.set(max(proof.differences, last.differences if last else 0))
        self._last_pass.set(last.at.timestamp() if last else 0)
        self._partition.set(proof.partition)
