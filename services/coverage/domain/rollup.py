"""What changes add, from the places where they happened up to the nation: once a flush, not once a change."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from services.coverage.domain.counters import Sum, Tally
from services.coverage.domain.movements import MOVED, MovementKey, Step, StepKey, seen
from shared.regions.codes import NATION, regency_of

_PROVINCE: Final = 2
"""Digits of its code."""


class Rollup:
    """A sum as the regions see it.

    `places` are tallies of what stands at a place itself, `above` those of regencies, provinces and the nation with
    all below them; `steps` are by regency, `movements` as provinces and the nation see them.
    """

    def __init__(self, added: Sum) -> None:
        self.places: defaultdict[str, Tally] = defaultdict(Tally)
        self.above: defaultdict[str, Tally] = defaultdict(Tally)
        self.steps: defaultdict[str, list[tuple[StepKey, int]]] = defaultdict(list)
        self.movements: defaultdict[str, defaultdict[MovementKey, int]] = defaultdict(lambda: defaultdict(int))
        self._place(added)
        self._raise()
        for step, people in added.steps.items():
            if people:
                self._sort_in(step, people)

    def _place(self, added: Sum) -> None:
        places = self.places
        for (_, _, _, origin, before, target, after), people in added.steps.items():
            if before is not None and origin is not None:
                counts = places[origin].people
                counts[before] = counts.get(before, 0) - people
            if after is not None and target is not None:
                counts = places[target].people
                counts[after] = counts.get(after, 0) + people
        for (place, lapse), people in added.lapses.items():
            if people:
                places[place].lapses[lapse] = people
        for (place, source), recorded_at in added.heard.items():
            places[place].hear(source, recorded_at)

    def _raise(self) -> None:
        """Add places up by regency, regencies by province, provinces to the nation."""
        for place, tally in self.places.items():
            regency = self.above[regency_of(place)]
            regency.add(tally)
            if place == regency_of(place):
                regency.placed_here += tally.registered
                regency.placed_here_active += tally.active
        regencies = list(self.above.items())
        for code, tally in regencies:
            self.above[code[:_PROVINCE]].add(tally.as_below())
        for code in {code[:_PROVINCE] for code, _ in regencies}:
            self.above[NATION].add(self.above[code])

    def _sort_in(self, step: StepKey, people: int) -> None:
        """Put a step to the regency whose places it touches, and as a movement to province and nation."""
        effective, recorded, kind, origin, before, target, after = step
        held = target if after else origin
        assert held is not None, "a step without a profile is none"
        self.steps[regency_of(held)].append((step, people))
        province = held[:_PROVINCE]
        if kind == MOVED:
            for region in (province, NATION):
                if (movement := seen(Step(*step), region)) is not None:
                    self.movements[region][movement[:5]] += people
        else:
            key = (effective, recorded, kind, before, after)
            self.movements[province][key] += people
            self.movements[NATION][key] += people
