"""What every region must count, step by step as the definition says. It shares no code with how flushes roll up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import Flows, add_movement
from services.coverage.counting.domain.movements import SUMMED_LEVELS, Movement, MovementKey, Step, lineage, seen
from shared.regions.codes import holds, level_of

Measures = Mapping[str, object]
"""Values by name, compared in this order; a value that is 0 or unknown may be left out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that is not as it must be. `seq` is the number up to which the partition was counted."""

    region: str
    measure: str
    expected: object
    found: object
    partition: int
    seq: int

    def __str__(self) -> str:
        where = f"{self.region}, {self.measure} (partition {self.partition}, counted up to seq {self.seq})"
        return f"{where}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class Digest:
    """The movements of a day as two numbers: equal movements give equal digests, in whatever order they are added."""

    people: int = 0
    checksum: int = 0

    def add(self, key: Step | MovementKey, people: int) -> None:
        """Add people who moved alike."""
        self.people += people
        self.checksum += people * hash(key)

    def __str__(self) -> str:
        return f"{self.people} people, checksum {self.checksum & 0xFFFFFFFF:08x}"


class Recount:
    """All regions of the changes or movements added, counted anew."""

    def __init__(self, flows_from: date) -> None:
        self._digests: defaultdict[str, defaultdict[date, Digest]] = defaultdict(lambda: defaultdict(Digest))
        self._flows_from = flows_from
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._flows: defaultdict[str, Flows] = defaultdict(dict)

    def regions(self, above: str) -> list[str]:
        """Return the counted ones among: a nation or province itself, or a regency and every region below it."""
        if level_of(above) in SUMMED_LEVELS:
            return [above] if above in self._tallies else []
        return [region for region in self._tallies if holds(above, region)]

    def forget(self) -> None:
        """Forget all regions, one by one: to free them at once keeps all other threads waiting."""
        for each in (self._digests, self._tallies, self._flows):
            while each:
                each.popitem()

    @property
    def paged(self) -> list[str]:
        """The regions that must have pages."""
        return list(self._digests)

    def movements(self, region: str) -> Measures:
        """Return what the pages of a nation, province or regency must hold, day by day."""
        days: Mapping[date, Digest] = self._digests.get(region, {})
        return {f"movements effective on {day}": str(days[day]) for day in sorted(days) if days[day] != Digest()}

    def tally(self, region: str) -> Tally:
        """Return the region as it must be."""
        return self._tallies[region] if region in self._tallies else Tally()

    def flows(self, region: str) -> Flows:
        """Return its flows from the first day on that a window can hold."""
        return self._flows.get(region, {})

    def add(self, added: Sum) -> None:
        """Count added changes in every region that takes part in them."""
        for key, people in added.steps.items():
            self.add_step(Step(*key), people)
        for (place, lapse), people in added.lapses.items():
            for region in lineage(place):
                lapses = self._tallies[region].lapses
                lapses[lapse] = lapses.get(lapse, 0) + people
        for (place, source), recorded_at in added.last_recorded.items():
            for region in lineage(place):
                self._tallies[region].note_recorded(source, recorded_at)

    def add_step(self, step: Step, people: int) -> None:
        """Count people who made one step."""
        if not people:
            return
        for region in {region for place in (step.origin, step.target) if place for region in lineage(place)}:
            if (movement := seen(step, region)) is not None:
                if level_of(region) == "regency":
                    self._digests[region][step.effective_day].add(step, people)
                self.add_movement(region, movement, people)

    def add_movement(self, region: str, movement: Movement, people: int) -> None:
        """Count people in one region, as it saw their step."""
        if level_of(region) in SUMMED_LEVELS:
            self._digests[region][movement.effective_day].add(movement[:5], people)
        self._tallies[region].count(movement, people)
        if movement.effective_day >= self._flows_from:
            add_movement(self._flows[region], movement, people)


def people_in(tally: Tally) -> Measures:
    """Return the measures of a tally that count people."""
    return {
        "registered": tally.registered,
        "active": tally.active,
        "unplaced": tally.placed_here,
        "unplaced active": tally.placed_here_active,
        **{f"people of {code}": people for code, people in tally.people.items()},
    }


def dues_and_news_in(tally: Tally) -> Measures:
    """Return the measures of a tally about lapses and sources."""
    return {
        **{f"lapses of {code}": people for code, people in tally.lapses.items()},
        "recorded at": tally.recorded_at,
        **{f"newest of {source}": at for source, at in tally.fed_at.items()},
    }


def flows_in(flows: Flows) -> Measures:
    """Return flows by day and by flow code, which is the kind and the change in active."""
    return {f"{code} on {date.fromordinal(day)}": n for code, days in flows.items() for day, n in days.items()}


def differing(expected: Measures, found: Measures) -> tuple[str, object, object] | None:
    """Return name, value expected and value found of the first measure that differs; None where all agree."""
    for name in [*expected, *(name for name in found if name not in expected)]:
        if (expected.get(name) or 0) != (found.get(name) or 0):
            return name, expected.get(name) or 0, found.get(name) or 0
    return None
