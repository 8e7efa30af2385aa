"""What the sample is made of: Aceh's published figures made smaller, its real regions, and invented kinds of worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final, NamedTuple

from shared.regions.catalogue import catalogue

PROVINCE: Final = "11"
POTENTIAL_WORKERS: Final = 1_710_891
REGISTERED: Final = 651_652
"""Both figures are of September 2023 (38.09 %); source: waspadaaceh.com."""
ONE_TO: Final = 100
"""At one to a hundred the whole sample plays in well under a minute on two cores."""
RISE_SHARES: Final[Mapping[str, int]] = {"11.08": 150, "11.07": 110, "11.11": 67}
"""Aceh Utara, Pidie and Bireuen carry the rise, so that the message names recognisable regencies."""
_ONLY_REGENCY_KNOWN, _ONLY_DISTRICT_KNOWN = 0.03, 0.06


@dataclass(frozen=True, slots=True)
class Figures:
    """People in the sample: potential workers, those registered first, and those who join on the anchor day."""

    potential: int
    registered: int
    rise: int

    @classmethod
    def at(cls, one_to: int) -> Figures:
        """Return the figures divided by `one_to`; the rise ends on the first whole person at or over 40 %."""
        potential, registered = round(POTENTIAL_WORKERS / one_to), round(REGISTERED / one_to)
        return cls(potential, registered, -(-2 * potential // 5) - registered)

    @property
    def risen(self) -> int:
        """Everybody who is registered after the rise."""
        return self.registered + self.rise


class Profile(NamedTuple):
    """One kind of worker, who reports it, and its share of all workers."""

    in_hundred: int
    source: str
    segment: str
    payer: str
    groups: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ("JKK", "JKM")


RISING: Final = Profile(12, "dinas/aceh", "BPU", "apbd_regency", ("vulnerable",))
"""Vulnerable workers whom a regency's budget pays for: in this way coverage really rises in leaps."""
BUDGET: Final = RISING._replace(source="dinas/tanah-bumbu")
THEMSELVES: Final = Profile(100, "bpjs/kalsel", "BPU", "self", (), ("JKK", "JKM", "JHT"))
"""The two kinds of worker in Tanah Bumbu."""
PROFILES: Final = (
    RISING,
    Profile(34, "bpjs/aceh", "PU", "employer", (), ("JKK", "JKM", "JHT", "JP", "JKP")),
    Profile(8, "dinas/aceh", "PU", "apbd_regency", ("non_asn",)),
    Profile(6, "dinas/aceh", "PU", "village_fund", ("village_official",), ("JKK", "JKM", "JHT")),
    Profile(20, "bpjs/aceh", "BPU", "self", (), ("JKK", "JKM", "JHT")),
    Profile(5, "dinas/aceh", "BPU", "apbd_province", ("vulnerable",)),
    Profile(3, "bpjs/aceh", "BPU", "csr", ("vulnerable",)),
    Profile(10, "bpjs/aceh", "JAKON", "employer"),
    Profile(2, "bpjs/aceh", "PMI", "self", (), ("JKK", "JKM", "JHT")),
)


@cache
def villages(regency: str) -> tuple[str, ...]:
    """Return the codes of all villages of a regency, in code order."""
    return tuple(v for district in catalogue().children(regency) for v in catalogue().children(district))


def village_counts() -> dict[str, int]:
    """Return how many villages each regency of the province has."""
    return {regency: len(villages(regency)) for regency in catalogue().children(PROVINCE)}


def draw_place(regency: str, chance: Random) -> str:
    """Return where in the regency a person works: mostly a village, sometimes only the district or regency is known."""
    village, known = chance.choice(villages(regency)), chance.random()
    if known < _ONLY_REGENCY_KNOWN:
        return regency
    return village.rpartition(".")[0] if known < _ONLY_DISTRICT_KNOWN else village


def draw_profile(chance: Random) -> Profile:
    """Return a kind of worker, each as often as its share says."""
    return chance.choices(PROFILES, [profile.in_hundred for profile in PROFILES])[0]


def allot(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return whole shares that sum to `total`, in proportion to the weights, by largest remainder; ties by key."""
    whole = sum(weights.values())
    shares = {key: total * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares
