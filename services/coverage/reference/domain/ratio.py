"""Coverage as two whole numbers, and the ratio of the two."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from shared.contracts.snapshots import Coverage, Ratio

_STEPS: Final = 10_000
"""Four decimals: hundredths of a per cent."""


def ratio(numerator: int, denominator: int | None) -> Ratio | None:
    """Return numerator ÷ denominator, half-even to four decimals, never capped.

    None where the denominator is unknown. The ratio inside is None where the denominator is 0.
    """
    if denominator is None:
        return None
    exact = Fraction(numerator, denominator) if denominator else None
    return Ratio(numerator, denominator, None if exact is None else rounded(exact))


def coverage(registered: int, active: int, workers: int | None) -> Coverage:
    """Return both measures over the potential of the basis `workers`."""
    return Coverage(ratio(registered, workers), ratio(active, workers))


def rounded(exact: Fraction) -> float:
    """Return a ratio as it is shown: half-even to four decimals."""
    return round(exact * _STEPS) / _STEPS
