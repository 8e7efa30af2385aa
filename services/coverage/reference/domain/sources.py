"""Upstream sources: what each is called, how often something new is expected of it, and whether it is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.coverage.reference.domain.reference import Kind


@dataclass(frozen=True, slots=True)
class Feed:
    """A source's name, and within how many days of its newest fact another is expected."""

    name: str
    cadence_days: int


SOURCES: Final = Kind("sources", Feed)
"""Rows of the nation; the series is the source."""


def silent_since(feed: Feed | None, fed_at: datetime | None, now: datetime) -> datetime | None:
    """Return since when a source has been late; None while it is not, and where its cadence or facts are unknown."""
    if feed is None or fed_at is None:
        return None
    due = fed_at + timedelta(days=feed.cadence_days)
    return due if now > due else None
