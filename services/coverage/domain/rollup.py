"""What changes add, from the places where they happened up to the nation: once a flush, not once a change."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from services.coverage.domain.counters import Sum, Tally
from services.coverage.domain.movements import MOVED, MOVES, MovementKey, Step, StepKey, seen
from shared.regions.codes import NATION, regency_of

_PROVINCE: Final = 2
"""Digits of its code."""

Movements = dict[MovementKey, int]


class Rollup:
    """A sum as the regions see it.

    `places` are tallies of what stands at a place itself, `above` those of regencies, provinces and the nation with
    all below them; `steps` are by regency, `movements` as provinces and the nation see them.
    """

    def __init__(self, added: Sum) -> None:
        self.places: defaultdict[str, Tally] = defaultdict(Tally)
        self.above: defaultdict[str, Tally] = defaultdict(Tally)
        self.steps: defaultdict[str, list[tuple[StepKey, int]]] = defaultdict(list)
        self.movements: defaultdict[str, Movements] = defaultdict(dict)
        self._place(added)
        self._raise()
        self._sort(added)

    def _place(self, added: Sum) -> None:
        """Count people, lapses and news at the places themselves."""
        people_of = defaultdict[str, defaultdict[str, int]](lambda: defaultdict(int))
        for (_, _, _, origin, before, target, after), people in added.steps.items():
            if before is not None and origin is not None:
                people_of[origin][before] -= people
            if after is not None and target is not None:
                people_of[target][after] += people
        for place, counts in people_of.items():
            self.places[place].people = counts
        for (place, lapse), people in added.lapses.items():
            if people:
                self.places[place].lapses[lapse] = people
        for (place, source), recorded_at in added.heard.items():
            self.places[place].hear(source, recorded_at)

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

    def _sort(self, added: Sum) -> None:
        """Put each step to the regency whose places it touches, and as a movement to province and nation."""
        for step, people in added.steps.items():
            if people:
                effective, recorded, kind, origin, before, target, after = step
                held = (target if after else origin) or ""
                self.steps[held[:5]].append((step, people))
                if kind == MOVED:
                    self._move(Step(*step), people, held[:_PROVINCE])
                else:
                    movements = self.movements[held[:_PROVINCE]]
                    key = (effective, recorded, kind, before, after)
                    movements[key] = movements.get(key, 0) + people
        self._sum_up()

    def _sum_up(self) -> None:
        """Give the nation what did not move: it looks the same from there, and is fewer by now."""
        nation = self.movements[NATION]
        for region, movements in self.movements.items():
            if region != NATION:
                for key, people in movements.items():
                    if key[2] not in MOVES:
                        nation[key] = nation.get(key, 0) + people

    def _move(self, step: Step, people: int, province: str) -> None:
        for region in (province, NATION):
            if (movement := seen(step, region)) is not None:
                movements = self.movements[region]
                movements[movement[:5]] = movements.get(movement[:5], 0) + people
