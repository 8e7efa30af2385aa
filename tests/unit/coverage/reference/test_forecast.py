"""When the path's last point is reached, at the rate of 90 days and in a range of 30 and 180."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.forecast import forecast, needed_a_month, projection
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.snapshots import Projection
from tests.factories_reference import row

DAY = date(2024, 1, 1)
DUE = date(2024, 12, 26)
STATED = row(
    TARGETS, "11", "workers active", TargetPath((PathPoint(DAY, Decimal("0.1")), PathPoint(DUE, Decimal("0.5"))))
)


def test_the_rate_of_90_days_gives_the_date_and_30_and_180_the_range() -> None:
    """Of 1,000 people 500 are needed; 400 are there, 90 more than 90 days ago."""
    found = forecast(STATED, DAY, 400, 1000, {30: 390, 90: 310, 180: 400})
    assert found is not None
    assert (found.basis, found.measure, found.ratio, found.due_on) == ("workers", "active", 0.5, DUE)
    assert found.at_rate == Projection(90, 90, DAY + timedelta(days=100))
    assert found.range == (Projection(30, 10, DAY + timedelta(days=300)), Projection(180, 0, None))
    assert (found.people_short, found.needed_a_month) == (100, 9)  # 100 × 30 ÷ 360 = 8⅓


def test_windows_longer_than_the_history_are_left_out() -> None:
    """With 60 days of history only 30 remain; with fewer than 30 there is no forecast."""
    found = forecast(STATED, DAY, 400, 1000, {30: 390})
    assert found is not None
    assert found.at_rate is None
    assert [one.days for one in found.range] == [30]
    assert forecast(STATED, DAY, 400, 1000, {}) is None


def test_not_at_this_rate() -> None:
    """Nobody gained, people lost, or more than 100 years of 365¼ days."""
    assert projection(DAY, 90, 0, 1).reached_on is None
    assert projection(DAY, 90, -5, 1).reached_on is None
    assert projection(DAY, 90, 90, 36_525).reached_on == DAY + timedelta(days=36_525)
    assert projection(DAY, 90, 90, 36_526).reached_on is None


def test_what_is_reached_stays_reached_whatever_the_rate() -> None:
    """Kaimana at 126 % has nobody short, though people leave."""
    found = forecast(STATED, DAY, 1261, 1000, {30: 1300, 90: 1400, 180: 1200})
    assert found is not None
    assert (found.people_short, found.needed_a_month) == (0, 0)
    assert {one.reached_on for one in found.range} == {DAY}


def test_what_is_needed_a_month_ends_with_the_time() -> None:
    """After the last point's day no number would still be on time."""
    assert needed_a_month(DAY, DAY + timedelta(days=1), 5) == 150
    assert needed_a_month(DAY, DAY, 5) is None
    assert needed_a_month(DAY, DAY, 0) == 0


@given(st.integers(1, 180), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_day_is_the_first_on_which_enough_have_come(days: int, gained: int, short: int) -> None:
    """At the rate, that day has them and the day before has not."""
    reached_on = projection(DAY, days, gained, short).reached_on
    if reached_on is not None:
        needed = (reached_on - DAY).days
        assert needed * gained >= short * days > (needed - 1) * gained


@given(st.integers(1, 10**9), st.integers(1, 10**4))
def test_so_many_a_month_are_just_enough(short: int, left: int) -> None:
    """They meet it by the day it is due; one fewer a month would not."""
    needed = needed_a_month(DAY, DAY + timedelta(days=left), short)
    assert needed is not None
    assert needed * left >= short * 30 > (needed - 1) * left
