"""Aceh's real regencies, districts and villages, as the sample needs them."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Final

from deploy.local.sample.figures import PROVINCE
from shared.regions.catalogue import catalogue

_ONLY_REGENCY_KNOWN: Final = 0.03
_ONLY_DISTRICT_KNOWN: Final = 0.06
"""Some sources know no village: without such people nothing would show what "unplaced" means."""


def regencies() -> tuple[str, ...]:
    """Return the codes of the province's regencies, in code order."""
    return catalogue().children(PROVINCE)


@cache
def villages(regency: str) -> tuple[str, ...]:
    """Return the codes of all villages of a regency, in code order."""
    return tuple(v for district in catalogue().children(regency) for v in catalogue().children(district))


def village_counts() -> dict[str, int]:
    """Return how many villages each regency has."""
    return {regency: len(villages(regency)) for regency in regencies()}


def draw_place(regency: str, chance: Random) -> str:
    """Return where in the regency a person works: mostly a village, now and then only its district or the regency."""
    village = chance.choice(villages(regency))
    known = chance.random()
    if known < _ONLY_REGENCY_KNOWN:
        return regency
    return village.rpartition(".")[0] if known < _ONLY_DISTRICT_KNOWN else village
