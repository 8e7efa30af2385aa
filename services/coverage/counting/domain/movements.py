"""Changes added up: many people who moved alike on one day are one step, and each region sees it in its own way."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from services.coverage.counting.domain.profiles import Standing, standing_of
from shared.contracts.changes import Change
from shared.regions.codes import WIB, holds, lineage_of

SUMMED_LEVELS: Final = frozenset({"nation", "province"})
"""Of these every partition counts a part, and nobody is placed in them; all other regions lie in one partition."""

MOVED: Final = "moved"
MOVED_IN: Final = "moved_in"
MOVED_OUT: Final = "moved_out"
MOVED_WITHIN: Final = "moved_within"
MOVES: Final = frozenset({MOVED_IN, MOVED_OUT, MOVED_WITHIN})
ARRIVALS: Final = frozenset({"joined", "rejoined", MOVED, MOVED_IN, MOVED_WITHIN})
"""Kinds that bring somebody to the place after; nobody is anywhere who did not come by one of them."""
NO_FLOW: Final = frozenset({"reclassified", "paid"})
"""They change neither who is registered nor who is active, and where the profile stays, nothing that is counted."""

lineage = lru_cache(maxsize=100_000)(lineage_of)
"""All 83,762 villages fit; a replay asks for the same ones over and over."""


class Counted(NamedTuple):
    """A change as it is counted. `recorded_day` is the WIB date everywhere."""

    seq: int
    diff: int
    kind: str
    effective_day: date
    recorded_day: date
    recorded_at: datetime
    source: str
    counterpart: str | None
    before: Standing | None
    after: Standing | None


class Step(NamedTuple):
    """What transitions have in common that are counted together: all but the person and the instant.

    `origin` and `target` are the places before and after; of half a move, one of them is the other regency's, where
    the profile is None.
    """

    effective_day: date
    recorded_day: date
    kind: str
    origin: str | None
    before: str | None
    target: str | None
    after: str | None


StepKey = tuple[date, date, str, str | None, str | None, str | None, str | None]
"""A step as a plain tuple, where millions are made."""
MovementKey = tuple[date, date, str, str | None, str | None]
"""The first five of a movement; in nation and provinces nobody is placed."""


class Movement(NamedTuple):
    """A step as one region sees it: the profiles that it counts itself; `…_here` where they are in no region below."""

    effective_day: date
    recorded_day: date
    kind: str
    before: str | None
    after: str | None
    before_here: bool = False
    after_here: bool = False


def counted(change: Change) -> Counted:
    """Return what of a change is counted."""
    return Counted(
        change.seq,
        change.diff,
        change.kind.value,
        change.effective_day,
        change.recorded_at.astimezone(WIB).date(),
        change.recorded_at,
        change.source,
        change.counterpart,
        standing_of(change.before) if change.before else None,
        standing_of(change.after) if change.after else None,
    )


def seen(step: Step, region: str) -> Movement | None:
    """Return the step as the region sees it; None where it has no part in it."""
    before = step.before if step.before and step.origin and holds(region, step.origin) else None
    after = step.after if step.after and step.target and holds(region, step.target) else None
    if before is None and after is None:
        return None
    before_here, after_here = before is not None and step.origin == region, after is not None and step.target == region
    return Movement(
        step.effective_day, step.recorded_day, kind_in(region, step), before, after, before_here, after_here
    )


def kind_in(region: str, step: Step) -> str:
    """Return the kind as this region sees it: a move is in, out or within, by where its ends lie."""
    if step.kind != MOVED:
        return step.kind
    if not holds(region, step.origin or ""):
        return MOVED_IN
    return MOVED_WITHIN if holds(region, step.target or "") else MOVED_OUT
