"""Upstream sources: their names, how often a new fact is expected, and which of them are late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.coverage.reference.domain.reference import ReferenceKind


@dataclass(frozen=True, slots=True)
class Feed:
    """A source's name, and how many days after its newest fact the next is expected."""

    name: str
    cadence_days: int


SOURCES: Final = ReferenceKind("sources", Feed)
"""Sources belong to no region: their rows are the nation's, and the series is the source."""


def silent_since(feed: Feed | None, fed_at: datetime | None, now: datetime) -> datetime | None:
    """Return since when a source has been late. None where it is not, or where cadence or newest fact is unknown."""
    if feed is None or fed_at is None:
        return None
    due = fed_at + timedelta(days=feed.cadence_days)
    return due if now > due else None
