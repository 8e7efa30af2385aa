"""Month ends: the days as of which the public sees what would tell of few people from one day to the next."""

from __future__ import annotations

from datetime import date, timedelta

from services.coverage.reference.domain.reference import AsOf

_DAY = timedelta(days=1)


def last_month_end(today: date) -> date:
    """Return the last day of the month before."""
    return today.replace(day=1) - _DAY


def is_settled(at: AsOf, today: date) -> bool:
    """Say whether a month end is asked about that is over, with all that is known of it."""
    return at.known_at is None and at.day < today and (at.day + _DAY).day == 1
