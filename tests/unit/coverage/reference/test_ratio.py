"""Coverage as two whole numbers and a ratio."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.ratio import ratio
from shared.contracts.snapshots import Ratio


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (651_652, 1_710_891, 0.3809),  # Aceh, September 2023
        (6_517, 17_109, 0.3809),  # the same at one to a hundred
        (935_079, 1_873_899, 0.499),  # Bali, printed as 50.88 %
        (25_721, 20_390, 1.2615),  # Kaimana: over 100 %, as it was published
        (0, 17_109, 0.0),
        (1, 8, 0.125),
        (5, 100_000, 0.0),  # 0.00005 lies half way: to the even digit
        (15, 100_000, 0.0002),
        (25, 100_000, 0.0002),
    ],
)
def test_ratio_is_rounded_half_even_to_four_decimals(numerator: int, denominator: int, expected: float) -> None:
    """The published cases of the domain, and ties."""
    assert ratio(numerator, denominator) == Ratio(numerator, denominator, expected)


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_ratio_is_never_capped_and_never_far_off(numerator: int, denominator: int) -> None:
    """It is within half of the last decimal of the exact quotient, however large that is."""
    figure = ratio(numerator, denominator)
    assert figure is not None
    assert figure.ratio is not None
    exact = Fraction(numerator, denominator)
    # A float keeps sixteen digits.
    assert abs(Fraction(figure.ratio) - exact) <= Fraction(5, 100_000) + exact * Fraction(1, 10**15)
