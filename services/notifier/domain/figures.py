"""A figure of coverage as two whole numbers; every comparison is made on them, never on a rounded ratio."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

_PER_CENT_PLACES: Final = 2


@dataclass(frozen=True, slots=True)
class Figure:
    """People of a measure, of the potential workers (over 0)."""

    numerator: int
    denominator: int

    def reaches(self, level: Decimal) -> bool:
        """Say whether numerator ÷ denominator ≥ level, by cross-multiplication."""
        above, below = level.as_integer_ratio()
        return self.numerator * below >= above * self.denominator

    def required(self, level: Decimal) -> int:
        """Return the fewest people that reach the level: ceil(level × denominator)."""
        above, below = level.as_integer_ratio()
        return -(-above * self.denominator // below)

    def people_short(self, level: Decimal) -> int:
        """Return how many more people the level needs; 0 where it is reached."""
        return max(0, self.required(level) - self.numerator)

    @property
    def uncovered(self) -> int:
        """People of the denominator who are not in the numerator; 0 where there are more than it holds."""
        return max(0, self.denominator - self.numerator)

    @property
    def per_cent(self) -> Decimal:
        """The ratio in per cent, half-even to two decimals, for reading only; never capped."""
        rounded = round(Fraction(100 * self.numerator, self.denominator), _PER_CENT_PLACES)
        return Decimal(int(rounded * 10**_PER_CENT_PLACES)).scaleb(-_PER_CENT_PLACES)
