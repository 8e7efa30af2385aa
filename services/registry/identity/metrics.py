"""The age of the identity key."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge


class KeyMetrics:
    """Shows since when the newest identity key is in use."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._since = Gauge(
            "registry_identity_key_since_timestamp_seconds", "When the newest identity key was put into use",
            registry=registry,
        )  # fmt: skip

    def show(self, since: datetime | None) -> None:
        """Show since when the newest key is in use, once that is known."""
        if since is not None:
            self._since.set(since.timestamp())
