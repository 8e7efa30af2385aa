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


@dataclass(slots=True)
class Timeline(RegionCounts):
    """A region's counts now, without flows, and its movements, all of one point in time. Equal ones may stand apart."""

    movements: list[tuple[Movement, int]] = field(default_factory=list)

    def tally_on(self, day: date, known_at: date) -> Tally:
        """Return the counts as of a day, known at a day; `date.max` sets no limit.

        They have no lapses and no times of recording: those are known of the present only.
        """
        return self.tally.without(
            (movement, people)
            for movement, people in self.movements
            if movement.effective_day > day or movement.recorded_day > known_at
        )

    def counts_on(self, day: date, known_at: date, flows_from: date) -> RegionCounts:
        """Return the counts as of a day, known at a day, with the flows from `flows_from` to that day."""
        flows = self.flows_between(flows_from, day, known_at)
        return RegionCounts(self.tally_on(day, known_at), self.position, flows, self.generation)

    def flows_between(self, first: date, last: date, known_at: date) -> Flows:
        """Return the flows of the days from first to last, known at a day."""
        return flows_of(
            (movement, people)
            for movement, people in self.movements
            if first <= movement.effective_day <= last and movement.recorded_day <= known_at
        )

    def history(self, days: Iterable[date], known_at: date) -> dict[date, Tally]:
        """Return the counts as of each of the days, in order, known at a day; each movement is looked at once."""
        tally, history = self.tally_on(date.max, known_at), dict[date, Tally]()
        known = [one for one in self.movements if one[0].recorded_day <= known_at]
        known.sort(key=lambda one: one[0].effective_day)
        for day in sorted(days, reverse=True):
            later = []
            while known and known[-1][0].effective_day > day:
                later.append(known.pop())
            tally = history[day] = tally.without(later)
        return dict(sorted(history.items()))
