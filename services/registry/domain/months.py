"""Months written YYYY-MM, which sort as text."""

from __future__ import annotations

from datetime import date


def month_number(month: str) -> int:
    """Return the months since year 0."""
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def first_day(number: int) -> date:
    """Return the first day of the month with this number; the last day there is, beyond the calendar."""
    year, month = divmod(number, 12)
    return date(year, month + 1, 1) if year <= date.max.year else date.max
