"""Target paths and people short, decided on whole numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath, people_for, people_short, target
from shared.contracts.snapshots import TargetPoint
from tests.factories_reference import row

ACEH, POTENTIAL = 651_652, 1_710_891
END_OF_2023 = date(2023, 12, 31)
PATH = TargetPath((PathPoint(END_OF_2023, Decimal("0.40")), PathPoint(date(2025, 12, 31), Decimal("0.4354"))))


def paths() -> st.SearchStrategy[TargetPath]:
    """Draw paths of up to five points."""
    points = st.dictionaries(st.dates(date(2020, 1, 1), date(2045, 12, 31)), st.integers(0, 10_000), min_size=1)
    return points.map(
        lambda drawn: TargetPath(tuple(PathPoint(on, Decimal(drawn[on]) / 10_000) for on in sorted(drawn)[:5]))
    )


def test_aceh_in_people() -> None:
    """September 2023: one point is 17,109 workers, 40 % needs 32,705 more, 50 % 203,794; 38 % is met."""
    assert people_for(Fraction(1, 100), POTENTIAL) == 17_109
    assert people_short(Fraction("0.40"), POTENTIAL, ACEH) == 32_705
    assert people_short(Fraction("0.50"), POTENTIAL, ACEH) == 203_794
    assert people_short(Fraction("0.38"), POTENTIAL, ACEH) == 0


def test_what_rounds_to_the_target_may_still_be_one_short() -> None:
    """684,356 of 1,710,891 shows as 40.00 %, and one person is missing."""
    assert round(684_356 / POTENTIAL, 4) == 0.4
    assert people_short(Fraction("0.40"), POTENTIAL, 684_356) == 1
    assert people_short(Fraction("0.40"), POTENTIAL, 684_357) == 0


@pytest.mark.parametrize(
    ("day", "required"),
    [
        (date(2023, 12, 30), None),
        (END_OF_2023, Fraction("0.40")),
        (date(2024, 1, 1), Fraction("0.40") + Fraction("0.0354") / 731),
        (date(2024, 12, 31), Fraction("0.40") + Fraction("0.0354") * 366 / 731),
        (date(2025, 12, 31), Fraction("0.4354")),
        (date(2045, 1, 1), Fraction("0.4354")),
    ],
)
def test_a_path_is_linear_by_day(day: date, required: Fraction | None) -> None:
    """None before the first point, the last one's after it, exact in between (2024 is a leap year)."""
    assert PATH.required(day) == required


@given(paths(), st.dates(date(2019, 1, 1), date(2046, 12, 31)))
def test_what_is_required_lies_between_its_points(path: TargetPath, day: date) -> None:
    """A path never leaves the ratios that it was stated with, and meets each of them on its day."""
    required = path.required(day)
    if day < path.points[0].on:
        assert required is None
    else:
        assert required is not None
        ratios = [point.ratio for point in path.points]
        assert min(ratios) <= required <= max(ratios)
    assert [path.required(point.on) for point in path.points] == [Fraction(point.ratio) for point in path.points]


@given(st.fractions(0, 1), st.integers(0, 10**9), st.integers(0, 10**9))
def test_people_short_is_the_fewest_that_meet_the_ratio(required: Fraction, potential: int, numerator: int) -> None:
    """With them it is met, with one fewer it is not."""
    short = people_short(required, potential, numerator)
    assert numerator + short >= required * potential
    assert short == 0 or numerator + short - 1 < required * potential


def test_a_target_says_what_is_required_today_next_and_last() -> None:
    """In people of the potential in force, ahead or behind."""
    stated = row(TARGETS, "11", "workers registered", PATH, date(2023, 1, 1), version=3, source="kemenko")
    today = target(stated, date(2024, 12, 31), ACEH, POTENTIAL)
    people = ceil(Fraction("0.40") * POTENTIAL + Fraction("0.0354") * 366 / 731 * POTENTIAL)
    assert (today.basis, today.measure, today.required) == ("workers", "registered", 0.4177)
    assert (today.people_required, today.people_short, today.people_ahead) == (people, people - ACEH, ACEH - people)
    assert today.next == today.last == TargetPoint(date(2025, 12, 31), 0.4354, 744_922, 93_270)
    assert (today.source, today.valid_from, today.version) == ("kemenko", date(2023, 1, 1), 3)
    met = target(stated, END_OF_2023, 700_000, POTENTIAL)
    assert (met.people_short, met.people_ahead) == (0, 700_000 - 684_357)


def test_without_a_potential_or_a_count_there_are_no_people() -> None:
    """The path stands all the same; before its first point nothing is required."""
    stated = row(TARGETS, "11", "vulnerable active", PATH)
    assert target(stated, END_OF_2023, 5, None).people_required is None
    assert target(stated, END_OF_2023, None, 100).people_required == 40
    assert target(stated, END_OF_2023, None, 100).people_short is None
    early = target(stated, date(2023, 1, 1), 5, 100)
    assert (early.required, early.people_short, early.next) == (None, None, TargetPoint(END_OF_2023, 0.4, 40, 35))
    assert target(stated, date(2026, 1, 1), 5, 100).next is None
