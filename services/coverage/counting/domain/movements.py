"""Steps and movements: people who changed alike on one day are one step, and each region sees its own side of it."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from services.coverage.counting.domain.profiles import CountedState
from shared.regions.codes import holds, lineage_of

SUMMED_LEVELS: Final = frozenset({"nation", "province"})
"""Every partition counts a part of these, and nobody's place is one of them. Any other region lies in one partition."""

MOVED: Final = "moved"
MOVED_IN: Final = "moved_in"
MOVED_OUT: Final = "moved_out"
MOVED_WITHIN: Final = "moved_within"
MOVES: Final = frozenset({MOVED_IN, MOVED_OUT, MOVED_WITHIN})
ARRIVALS: Final = frozenset({"joined", "rejoined", MOVED, MOVED_IN, MOVED_WITHIN})
"""Kinds that bring a person to a place. Everybody in a place came to it by one of them."""
NO_FLOW: Final = frozenset({"reclassified", "paid"})
"""They change neither registered nor active. If the profile stays the same too, they change no count at all."""

lineage = lru_cache(maxsize=100_000)(lineage_of)
"""All 83,762 villages fit. A replay asks for the same ones again and again."""


class CountedChange(NamedTuple):
    """The part of a change that is counted. `recorded_day` is the WIB date, whatever the region."""

    seq: int
    diff: int
    kind: str
    effective_day: date
    recorded_day: date
    recorded_at: datetime
    source: str
    counterpart: str | None
    before: CountedState | None
    after: CountedState | None


class Step(NamedTuple):
    """What transitions have in common: everything but the person and the instant.

    `origin` and `target` are the places before and after. In one half of a move between regencies, one of the two
    places lies in the other regency, and the profile there is None.
    """

    effective_day: date
    recorded_day: date
    kind: str
    origin: str | None
    before: str | None
    target: str | None
    after: str | None


StepKey = tuple[date, date, str, str | None, str | None, str | None, str | None]
"""A step as a plain tuple: a replay makes millions."""
MovementKey = tuple[date, date, str, str | None, str | None]
"""The first five fields of a movement: nobody's place is the nation or a province."""


class Movement(NamedTuple):
    """A step as one region sees it: the profiles inside it. `…_here`: the person's place is this very region."""

    effective_day: date
    recorded_day: date
    kind: str
    before: str | None
    after: str | None
    before_here: bool = False
    after_here: bool = False


def seen(step: Step, region: str) -> Movement | None:
    """Return the step as the region sees it; None if neither end lies in the region."""
    before = step.before if step.before and step.origin and holds(region, step.origin) else None
    after = step.after if step.after and step.target and holds(region, step.target) else None
    if before is None and after is None:
        return None
    kind = step.kind
    if kind == MOVED and not holds(region, step.origin or ""):
        kind = MOVED_IN
    elif kind == MOVED:
        kind = MOVED_WITHIN if holds(region, step.target or "") else MOVED_OUT
    before_here, after_here = before is not None and step.origin == region, after is not None and step.target == region
    return Movement(step.effective_day, step.recorded_day, kind, before, after, before_here, after_here)
