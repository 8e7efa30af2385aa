"""Where the benchmark's facts happen, so that each measured fact can be recognised from outside.

A counting probe is the only person of its village. A crossing is the only person of its regency, of whose two potential
workers it is half: it alone makes the rule fire there. All others work in Aceh, which has no potential here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Final

from deploy.local.sample.aceh import village_counts, villages
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION

_BACKGROUND_PROVINCE: Final = "11"
_POTENTIAL: Final = 2
_KINDS: Final = ("counted", *[""] * 29, "crossing", *[""] * 29)
"""Of sixty facts one is a counting probe and one a crossing: looking on must stay small beside the work itself."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A fact to be sent: where, and whether it is watched until it is `counted`, or until the message of `crossing`."""

    region: str
    kind: str


def arrivals(count: int, seed: int) -> list[Arrival]:
    """Return where each fact happens.

    Raises: ValueError when there are too few villages or regencies to give each measured fact one of its own.
    """
    chance = Random(seed)
    background = [village for regency in village_counts() for village in villages(regency)]
    chance.shuffle(background)
    kinds = list(islice(cycle(_KINDS), count))
    own = {"counted": iter(background[: kinds.count("counted")]), "crossing": _first_villages(chance)}
    rest = background[kinds.count("counted") :]
    try:
        return [Arrival(next(own[kind]) if kind else chance.choice(rest), kind) for kind in kinds]
    except StopIteration:
        raise ValueError(f"{count} facts are too many: there are no more regencies to cross") from None


def potentials_of(planned: list[Arrival]) -> str:
    """Return the CSV of potential workers that makes each crossing cross."""
    lines = ["region,basis,valid_from,value,source,definition"]
    lines += [
        f"{arrival.region[:5]},workers,2023-01-01,{_POTENTIAL},cakupan/benchmark,invented for a benchmark"
        for arrival in planned
        if arrival.kind == "crossing"
    ]
    return "\n".join(lines) + "\n"


def _first_villages(chance: Random) -> Iterator[str]:
    """Yield one village of each regency outside the background's province, in no order."""
    others = [r for p in catalogue().children(NATION) if p != _BACKGROUND_PROVINCE for r in catalogue().children(p)]
    chance.shuffle(others)
    return (villages(regency)[0] for regency in others)
