"""Desa Sadar: four states of a village, and the year's pace."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.desa_sadar import (
    DESIGNATED,
    DESIGNATIONS,
    YEARS_QUOTA,
    expected_by,
    pace,
    state,
)
from services.coverage.reference.domain.reference import AsOf, RecordedRow
from tests.factories_reference import index_of, row


def designated(village: str, on: date, value: int | None = 1, version: int = 1) -> RecordedRow[int]:
    """Return the designation of a village, or its withdrawal."""
    return row(DESIGNATIONS, village, DESIGNATED, value, on, version=version)


def national() -> list[RecordedRow[int]]:
    """Return the designations of the nation: 276 in 2017, 201 in 2018, and the quotas of three years."""
    villages = (f"63.10.{district:02}.{2000 + n}" for district, n in product(range(1, 99), range(1, 10)))
    rows = [designated(village, date(2017, 6, 1)) for village in islice(villages, 276)]
    rows += [designated(village, date(2018, 6, 1)) for village in islice(villages, 201)]
    quotas = ((2017, 276), (2018, 201), (2019, 198))
    return rows + [
        row(DESIGNATIONS, "ID", YEARS_QUOTA, quota, date(year, 1, 1), version=n)
        for n, (year, quota) in enumerate(quotas, 1)
    ]


@pytest.mark.parametrize(
    ("roster", "active", "is_designated", "expected"),
    [
        (None, 12, False, "none"),
        (0, 0, False, "none"),
        (9, 8, False, "none"),
        (9, 9, False, "eligible"),
        (9, 10, False, "eligible"),
        (9, 9, True, "designated"),
        (9, 8, True, "designated_broken"),
        (None, 0, True, "designated"),
    ],
)
def test_the_state_follows_from_roster_officials_and_designation(
    roster: int | None, active: int, is_designated: bool, expected: str
) -> None:
    """All officials active makes eligible; a designation breaks only where the roster is known and not met."""
    assert state(roster, active, designated=is_designated) == expected


def test_2019_was_to_bring_the_477_to_675() -> None:
    """276 in 2017 and 201 in 2018; 198 in 2019, of which half a year asks for 99."""
    found = pace(index_of(*national()), AsOf(date(2019, 7, 1)))
    assert found is not None
    assert (found.designated_in_all, found.quota_in_all) == (276 + 201, 675)
    assert (found.year, found.designated, found.quota) == (2019, 0, 198)
    assert (found.expected, found.villages_short) == (99, 99)  # 198 × 182 ÷ 365 = 98.7
    before = pace(index_of(*national()), AsOf(date(2018, 12, 31)))
    assert before is not None
    assert (before.designated, before.quota, before.villages_short, before.quota_in_all) == (201, 201, 0, 477)


def test_a_year_without_a_quota_has_no_pace() -> None:
    """Last year's does not go on, and one that was withdrawn is none."""
    assert pace(index_of(*national()), AsOf(date(2020, 1, 1))) is None
    withdrawn = row(DESIGNATIONS, "ID", YEARS_QUOTA, None, date(2019, 1, 1), version=9, source="z")
    assert pace(index_of(*national(), withdrawn), AsOf(date(2019, 7, 1))) is None
    assert pace(index_of(), AsOf(date(2019, 7, 1))) is None


def test_a_withdrawn_designation_counts_no_more() -> None:
    """From the day on which it is withdrawn."""
    rows = [*national(), designated("63.10.01.2001", date(2019, 5, 1), None, version=2)]
    after, before = pace(index_of(*rows), AsOf(date(2019, 5, 1))), pace(index_of(*rows), AsOf(date(2019, 4, 30)))
    assert after is not None
    assert before is not None
    assert (after.designated_in_all, before.designated_in_all) == (476, 477)


@given(st.dates(date(2017, 1, 1), date(2045, 12, 31)), st.integers(0, 1000))
def test_the_pace_is_even_and_ends_with_the_quota(day: date, quota: int) -> None:
    """All of it is due on 31 December, in leap years too."""
    assert expected_by(date(day.year, 12, 31), quota) == quota
    assert expected_by(date(day.year, 1, 1), quota) in (Fraction(quota, 365), Fraction(quota, 366))
    assert 0 <= expected_by(day, quota) <= quota
