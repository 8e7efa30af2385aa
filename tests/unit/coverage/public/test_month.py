"""Months, to both ends of the calendar: anybody may ask for any day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.public.domain.release import Month


@given(st.dates())
def test_a_day_is_in_its_month(day: date) -> None:
    """From its first to its last day, which the next month's first follows; also in the last month there is."""
    month = Month.of(day)
    assert month.first_day <= day <= month.last_day
    assert Month.parse(str(month)) == month
    if month != Month.of(date.max):
        assert month.next.first_day == month.last_day + timedelta(days=1)
        assert month.next.before == month


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_have_a_month(day: date) -> None:
    """9999-12-31 was once an error of ours to whoever asked for it."""
    assert day in (Month.of(day).first_day, Month.of(day).last_day)
