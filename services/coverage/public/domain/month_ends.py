"""Month ends: the public sees figures that would reveal few people from day to day only as of these days."""

from __future__ import annotations

from datetime import date, timedelta

from services.coverage.reference.domain.reference import AsOf

_DAY = timedelta(days=1)


def last_month_end(today: date) -> date:
    """Return the last day of the month before."""
    return today.replace(day=1) - _DAY


def is_past_month_end(at: AsOf, today: date) -> bool:
    """Say whether a past month end is asked about, with everything that is known of it."""
    return at.known_at is None and at.day < today and (at.day + _DAY).day == 1
