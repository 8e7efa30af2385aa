"""Names, keys, partitions and retention of the topics. The names are public."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

PARTITIONS: Final = 12
"""Divides evenly among 1, 2, 3, 4, 6 or 12 replicas."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. `retention` None keeps records for ever; `compacted` keeps the last record of each key.

    `stamped_by_broker`: a record's timestamp is the instant at which the broker wrote it.
    """

    name: str
    key: str
    partitions: int = PARTITIONS
    retention: timedelta | None = None
    compacted: bool = False
    stamped_by_broker: bool = False

    def under(self, prefix: str) -> Topic:
        """Return the same topic with its name prefixed, so that several stacks can share one cluster."""
        return replace(self, name=prefix + self.name)


FACTS: Final = Topic("enrollment.facts.v1", key="source and id of the fact", retention=timedelta(days=7))
"""Facts hold identities, so they are kept only as long as a registry may be down. The key must not be an identity."""

FACTS_REJECTED: Final = Topic(
    "enrollment.facts.rejected.v1", key="topic/partition/offset", partitions=1, retention=timedelta(days=30)
)
"""One partition keeps refusals in order. A month is enough for a sender who looks once a week."""

CHANGES: Final = Topic("enrollment.changed.v1", key="regency code")
"""Kept for ever, because coverage is rebuilt from it."""

SNAPSHOTS: Final = Topic("coverage.updated.v1", key="region code", compacted=True, stamped_by_broker=True)
"""The notifier decides in the order of time, so the time must be one that only grows."""

CHANGES_DEAD: Final = Topic(
    "enrollment.changed.v1.dead", key="topic/partition/offset", partitions=1, retention=timedelta(days=30)
)
SNAPSHOTS_DEAD: Final = Topic(
    "coverage.updated.v1.dead", key="topic/partition/offset", partitions=1, retention=timedelta(days=30)
)
"""Dead letters are few and read by people: one partition, and a month to look at them."""

ALL: Final = (FACTS, FACTS_REJECTED, CHANGES, SNAPSHOTS, CHANGES_DEAD, SNAPSHOTS_DEAD)
