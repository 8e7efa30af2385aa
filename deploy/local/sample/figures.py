"""How many people the sample holds: Aceh's published figures of September 2023, made smaller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PROVINCE: Final = "11"
POTENTIAL_WORKERS: Final = 1_710_891
REGISTERED: Final = 651_652
"""Source: waspadaaceh.com, September 2023 (38.09 %)."""
ONE_TO: Final = 100
"""At one to a hundred the whole sample plays in well under a minute on two cores."""
RISE_SHARES: Final[Mapping[str, int]] = {"11.08": 150, "11.07": 110, "11.11": 67}
"""Aceh Utara, Pidie and Bireuen carry the rise, so that whoever reads the message recognises who moved the figure."""


@dataclass(frozen=True, slots=True)
class Figures:
    """People in the sample: potential workers, those registered first, and those who join on the anchor day."""

    potential: int
    registered: int
    rise: int

    @classmethod
    def at(cls, one_to: int = ONE_TO) -> Figures:
        """Return the figures at one to so many; the rise ends on the first whole person at or over 40 %."""
        potential = round(POTENTIAL_WORKERS / one_to)
        registered = round(REGISTERED / one_to)
        return cls(potential, registered, -(-2 * potential // 5) - registered)

    @property
    def risen(self) -> int:
        """Everybody who is registered after the rise."""
        return self.registered + self.rise


def allot(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return whole shares that sum to `total`, in proportion to the weights, by largest remainder; ties by key.

    Raises: ValueError where no weight is positive, as then nobody can be given a share.
    """
    whole = sum(weights.values())
    if whole <= 0:
        raise ValueError("no weight is positive: nothing says who gets a share")
    shares = {key: total * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares
