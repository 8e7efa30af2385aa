"""Laws of figures: everything is decided on whole numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.figures import Figure

PEOPLE = st.integers(0, 10**9)
LEVELS = st.decimals("0.0001", "2", places=4)


@given(PEOPLE, st.integers(1, 10**9), LEVELS)
def test_the_required_number_is_the_fewest_that_reaches_the_level(
    numerator: int, potential: int, level: Decimal
) -> None:
    """One fewer does not reach it, and the people short are just those missing."""
    figure = Figure(numerator, potential)
    required = figure.required(level)
    assert Figure(required, potential).reaches(level)
    assert not Figure(required - 1, potential).reaches(level)
    assert figure.reaches(level) is (figure.people_short(level) == 0)
    assert numerator + figure.people_short(level) >= required


def test_a_ratio_that_is_shown_as_the_level_may_still_be_short_of_it() -> None:
    """39.9965 … is shown as 40.00 and does not reach 40 %."""
    figure = Figure(1_999_990, 5_000_000)
    assert (figure.per_cent, figure.reaches(Decimal("0.40")), figure.people_short(Decimal("0.40"))) == (
        Decimal("40.00"), False, 10,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [(651_652, 1_710_891, "38.09"), (6_844, 17_109, "40.00"), (126, 100, "126.00"), (1, 16, "6.25"),
     (1, 800, "0.12"), (3, 800, "0.38"), (0, 5, "0.00")],
)  # fmt: skip
def test_per_cent_is_half_even_and_never_capped(numerator: int, denominator: int, shown: str) -> None:
    """0.125 becomes 0.12, 0.375 becomes 0.38, 126 stays."""
    assert str(Figure(numerator, denominator).per_cent) == shown
