"""Numbers, days and times as readers write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.pages.formats import Formats, Language


@pytest.mark.parametrize(("language", "locale"), [("id", "id_ID"), ("en", "en")])
@given(value=st.integers(0, 10**12))
def test_numbers_are_grouped_as_babel_groups_them(language: Language, locale: str, value: int) -> None:
    """Our own grouping is only faster."""
    assert Formats(language).number(value) == format_decimal(value, locale=locale)


def test_ratios_and_changes_have_local_signs() -> None:
    """A comma in Indonesian, a point in English; a minus as wide as the plus; over 100% as it is."""
    indonesian, english = Formats("id"), Formats("en")
    assert (indonesian.percent(0.3809), english.percent(0.3809)) == ("38,09%", "38.09%")
    assert (indonesian.percent(12.6), indonesian.percent(0.0)) == ("1.260,00%", "0,00%")
    assert [indonesian.signed(n) for n in (-1204, 0, 12)] == ["\u22121.204", "0", "+12"]


def test_a_time_is_told_in_the_regions_zone() -> None:
    """The same instant in three zones, each named; a day without one."""
    instant = datetime(2026, 11, 21, 6, 2, tzinfo=UTC)
    indonesian = Formats("id")
    assert indonesian.moment(instant, "ID") == "21 Nov 2026 13.02 WIB"
    assert indonesian.clock(instant, "63.10") == "14.02 WITA"
    assert Formats("en").clock(instant, "92") == "15:02 WIT"
    assert indonesian.long_day(date(2026, 8, 1)) == "1 Agustus 2026"
