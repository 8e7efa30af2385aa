"""The fold of changes into counts per region: a sum of signed deltas, so their order never matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from shared.contracts.changes import Change, State
from shared.regions.codes import lineage_of

CLOCK: Final = "clock"
"""The source that the registry names where no fact made the change."""

lineage = lru_cache(maxsize=100_000)(lineage_of)
"""All 83,762 villages fit; a replay asks for the same ones over and over."""


@dataclass(slots=True)
class Tally:
    """Counts of one region, or what is to be added to them.

    `placed_here` are the people whose place is this very region, `registered` those here and below; `recorded_at` is
    the newest change, `fed_at` the newest that a source's own fact made.
    """

    registered: int = 0
    active: int = 0
    placed_here: int = 0
    placed_here_active: int = 0
    recorded_at: datetime | None = None
    fed_at: dict[str, datetime] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take the other's counts in."""
        self.registered += other.registered
        self.active += other.active
        self.placed_here += other.placed_here
        self.placed_here_active += other.placed_here_active
        self.recorded_at = newest(self.recorded_at, other.recorded_at)
        for source, recorded_at in other.fed_at.items():
            self._fed(source, recorded_at)

    def heard(self, change: Change) -> None:
        """Remember when the change was recorded; one taken back, or made by the clock, is no news of its source."""
        self.recorded_at = newest(self.recorded_at, change.recorded_at)
        if change.diff > 0 and change.source != CLOCK:
            self._fed(change.source, change.recorded_at)

    def _fed(self, source: str, recorded_at: datetime) -> None:
        self.fed_at[source] = newest(self.fed_at.get(source), recorded_at) or recorded_at


def newest(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later instant of those that are known."""
    return max((at for at in (one, other) if at is not None), default=None)


def fold(changes: Iterable[Change]) -> dict[str, Tally]:
    """Return what the changes add to each region that they touch, up to the nation.

    fold(a + b) = fold(a) + fold(b), whatever the order. Counted at the place itself first and rolled up once a
    place, not once a change.
    """
    places: defaultdict[str, Tally] = defaultdict(Tally)
    for change in changes:
        for state, sign in ((change.before, -change.diff), (change.after, change.diff)):
            if state is not None:
                _count(places[state.region], state, sign)
                places[state.region].heard(change)
    return _rolled_up(places)


def _count(tally: Tally, state: State, sign: int) -> None:
    tally.placed_here += sign * state.registered
    tally.placed_here_active += sign * state.active


def _rolled_up(places: dict[str, Tally]) -> dict[str, Tally]:
    regions: defaultdict[str, Tally] = defaultdict(Tally)
    for place, tally in places.items():
        regions[place].placed_here += tally.placed_here
        regions[place].placed_here_active += tally.placed_here_active
        below = Tally(tally.placed_here, tally.placed_here_active, 0, 0, tally.recorded_at, tally.fed_at)
        for region in lineage(place):
            regions[region].add(below)
    return dict(regions)
