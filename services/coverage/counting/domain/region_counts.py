"""A region as counted: its figures now, and its timeline, from which its figures on any day follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import Flows, flows_of
from services.coverage.counting.domain.movements import Movement


class Version(NamedTuple):
    """Generation and position of a region. If neither has changed, its counts and those below it have not either."""

    generation: int
    position: int


@dataclass(slots=True)
class RegionCounts:
    """A region's counts, summed over the partitions that count a part of it. `position` only grows."""

    tally: Tally = field(default_factory=Tally)
    position: int = 0
    flows: Flows = field(default_factory=dict)
    generation: int = 0

    @property
    def version(self) -> Version:
        """The version of these counts."""
        return Version(self.generation, self.position)


class Period(NamedTuple):
    """The days after `after`, up to `until`, as known at the end of a day in WIB. `date.max` sets no limit."""

    after: date
    until: date = date.max
    known_at: date = date.max


@dataclass(slots=True)
class Timeline(RegionCounts):
    """A region's counts at the end of a period, and its movements in that period. Equal ones may stand apart.

    The counts have no lapses and no times of recording: those are known of the present only. All movements were known
    at the period's day; `recorded_day` is that day.
    """

    movements: list[tuple[Movement, int]] = field(default_factory=list)

    def tally_on(self, day: date) -> Tally:
        """Return the counts as of a day of the period, or of the day before it."""
        return self.tally.without(one for one in self.movements if one[0].effective_day > day)

    def flows_between(self, first: date, last: date) -> Flows:
        """Return the flows of the days from first to last, all in the period."""
        return flows_of(one for one in self.movements if first <= one[0].effective_day <= last)

    def history(self, days: Iterable[date]) -> dict[date, Tally]:
        """Return the counts as of each of the days, in order; each movement is looked at once."""
        tally, history = self.tally, dict[date, Tally]()
        movements = sorted(self.movements, key=lambda one: one[0].effective_day)
        for day in sorted(days, reverse=True):
            later = []
            while movements and movements[-1][0].effective_day > day:
                later.append(movements.pop())
            tally = history[day] = tally.without(later)
        return dict(sorted(history.items()))
