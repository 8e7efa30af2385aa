"""A coverage figure as two whole numbers. Comparisons use them, never a rounded ratio."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

_PER_CENT_PLACES: Final = 2
"""As semantics.md shows ratios."""


@dataclass(frozen=True, slots=True)
class Figure:
    """People counted by a measure, and potential workers (over 0)."""

    numerator: int
    denominator: int

    def reaches(self, level: Decimal) -> bool:
        """Say whether numerator ÷ denominator ≥ level, by cross-multiplication."""
        above, below = level.as_integer_ratio()
        return self.numerator * below >= above * self.denominator

    def required(self, level: Decimal) -> int:
        """Return the smallest number of people that reaches the level: ceil(level × denominator)."""
        above, below = level.as_integer_ratio()
        return -(-above * self.denominator // below)

    def people_short(self, level: Decimal) -> int:
        """Return how many more people the level needs; 0 if it is reached."""
        return max(0, self.required(level) - self.numerator)

    @property
    def uncovered(self) -> int:
        """Denominator minus numerator, at least 0."""
        return max(0, self.denominator - self.numerator)

    @property
    def per_cent(self) -> Decimal:
        """The ratio in per cent for display, half-even to two decimals, never capped."""
        rounded = round(Fraction(100 * self.numerator, self.denominator), _PER_CENT_PLACES)
        return Decimal(int(rounded * 10**_PER_CENT_PLACES)).scaleb(-_PER_CENT_PLACES)
