"""Coverage as two whole numbers and the ratio that is derived from them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

from shared.contracts.snapshots import Ratio

_PLACES: Final = Decimal("0.0001")
"""Two decimals of a per cent."""
_DIGITS: Final = 60
"""Far more than counts of people have, so that only the last step rounds."""


def ratio(numerator: int, denominator: int | None) -> Ratio | None:
    """Return numerator ÷ denominator, half-even to four decimals; never capped.

    None where the denominator is not known; the ratio inside is None where it is 0.
    """
    if denominator is None:
        return None
    if denominator == 0:
        return Ratio(numerator, 0, None)
    with localcontext() as context:
        context.prec = _DIGITS
        exact = Decimal(numerator) / Decimal(denominator)
        return Ratio(numerator, denominator, float(exact.quantize(_PLACES, ROUND_HALF_EVEN)))
