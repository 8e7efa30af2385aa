"""The fold of changes into counts per region: a sum of signed deltas, so their order never matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from services.coverage.counting.domain.movements import ARRIVALS, MOVED, NO_FLOW, CountedChange, Movement, StepKey
from services.coverage.counting.domain.profiles import is_active, lapse_of, profile_of
from shared.contracts.snapshots import Count, DueWindow

CLOCK: Final = "clock"
"""The source that the registry names where no fact made the change."""

DUE_WINDOWS: Final[dict[DueWindow, timedelta]] = {"30d": timedelta(30), "60d": timedelta(60), "90d": timedelta(90)}
"""The days ahead for which a snapshot shows who is due."""

Dimension = Literal["segment", "group", "payer", "programme"]
_FIELDS: Final = {"group": "groups", "programme": "programmes"}
"""The field of a profile for each dimension in which people have several values."""
_VALUES: Final = 10_000
"""Four dimensions of a few hundred profiles."""


class Sum:
    """The sum of changes, by the places where they happened. Order and grouping of the changes do not matter.

    `steps` are people by step, `lapses` are active people by place and lapse. `last_recorded` is the newest recording
    time by place and source. The source is None if the change says nothing new about one: a retraction, or the clock.
    """

    __slots__ = ("changes", "lapses", "last_recorded", "steps")

    def __init__(self, changes: Iterable[CountedChange] = ()) -> None:
        self.changes = 0
        self.steps: defaultdict[StepKey, int] = defaultdict(int)
        self.lapses: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.last_recorded: dict[tuple[str, str | None], datetime] = {}
        self.add(changes)

    def add(self, changes: Iterable[CountedChange]) -> None:
        """Add changes. Written for speed: it runs once for every change there ever was."""
        steps, lapses, newest_by = self.steps, self.lapses, self.last_recorded
        for _, diff, kind, effective, recorded, recorded_at, source, counterpart, before, after in changes:
            self.changes += 1
            fed_by = source if diff > 0 and source != CLOCK else None
            origin = target = was = is_now = None
            if before is not None:
                origin, was, lapse = before
                if lapse is not None:
                    lapses[origin, lapse] -= diff
                if newest_by.setdefault((origin, fed_by), recorded_at) < recorded_at:
                    newest_by[origin, fed_by] = recorded_at
            if after is not None:
                target, is_now, lapse = after
                if lapse is not None:
                    lapses[target, lapse] += diff
                if newest_by.setdefault((target, fed_by), recorded_at) < recorded_at:
                    newest_by[target, fed_by] = recorded_at
            if kind in NO_FLOW and was == is_now:
                continue
            if kind == MOVED:
                origin, target = origin or counterpart, target or counterpart
            steps[effective, recorded, kind, origin, was, target, is_now] += diff

    @property
    def places(self) -> set[str]:
        """The places where these changes happened."""
        return {place for place, _ in self.last_recorded}


@dataclass(slots=True)
class Tally:
    """A region's counts: people by profile, active people by lapse, and the people whose place is this very region.

    `recorded_at` is the time of the newest change, `fed_at` of each source's newest fact. Codes as in `profiles`.
    `arrivals` counts everyone who ever came to a place in the region, even from another place in it. It is 0 only
    before the region's history began.
    """

    people: dict[str, int] = field(default_factory=dict)
    lapses: dict[str, int] = field(default_factory=dict)
    placed_here: int = 0
    placed_here_active: int = 0
    recorded_at: datetime | None = None
    fed_at: dict[str, datetime] = field(default_factory=dict)
    arrivals: int = 0

    @property
    def registered(self) -> int:
        """Everyone."""
        return sum(self.people.values())

    @property
    def active(self) -> int:
        """Everyone who is active."""
        return sum(people for code, people in self.people.items() if is_active(code))

    def by(self, dimension: Dimension) -> dict[str, Count]:
        """Return registered and active by segment, group, payer or programme, sorted; a value without people is absent.

        Groups and programmes overlap, so they are never summed.
        """
        registered, active = defaultdict[str, int](int), defaultdict[str, int](int)
        for code, people in self.people.items():
            values, are_active = _values(code, dimension)
            for value in values:
                registered[value] += people
                if are_active:
                    active[value] += people
        found = ((value, registered[value], active.get(value, 0)) for value in sorted(registered))
        return {value: Count(people, of_them) for value, people, of_them in found if people or of_them}

    def note_recorded(self, source: str | None, recorded_at: datetime) -> None:
        """Note when a change was recorded; `source` is None if it says nothing new about its source."""
        self.recorded_at = newest(self.recorded_at, recorded_at)
        if source is not None:
            self.fed_at[source] = newest(self.fed_at.get(source), recorded_at) or recorded_at

    def as_below(self) -> Tally:
        """Return the same people as a region above counts them: their place lies below it."""
        return Tally(self.people, self.lapses, 0, 0, self.recorded_at, self.fed_at, self.arrivals)

    def due(self, until: date) -> dict[str, int]:
        """Return the active people who lapse on that day or before it, by code of the lapse."""
        return {code: people for code, people in self.lapses.items() if people and lapse_of(code).on <= until}

    def due_by_payer(self, until: date) -> dict[str, int]:
        """Return the active people who lapse on that day or before it, by payer."""
        payers = defaultdict[str, int](int)
        for code, people in self.due(until).items():
            payers[lapse_of(code).payer] += people
        return dict(sorted(payers.items()))

    def add(self, other: Tally) -> None:
        """Add the other's counts."""
        add_up(self.people, other.people)
        add_up(self.lapses, other.lapses)
        self.placed_here += other.placed_here
        self.placed_here_active += other.placed_here_active
        self.arrivals += other.arrivals
        self.recorded_at = newest(self.recorded_at, other.recorded_at)
        for source, recorded_at in other.fed_at.items():
            self.note_recorded(source, recorded_at)

    def subtract(self, other: Tally) -> None:
        """Take the other's people and arrivals out."""
        for code, people in other.people.items():
            self.people[code] = self.people.get(code, 0) - people
        self.arrivals -= other.arrivals

    def without(self, movements: Iterable[tuple[Movement, int]]) -> Tally:
        """Return the counts as they were before these movements.

        Lapses and times are left out: nobody knows how they were.
        """
        earlier = Tally(dict(self.people), {}, self.placed_here, self.placed_here_active, arrivals=self.arrivals)
        for movement, people in movements:
            earlier.count(movement, -people)
        return earlier

    def count(self, movement: Movement, people: int) -> None:
        """Count the people who made a movement; a negative number takes them back."""
        _, _, kind, before, after, before_here, after_here = movement
        if before is not None:
            self.people[before] = self.people.get(before, 0) - people
            if before_here:
                self.placed_here -= people
                self.placed_here_active -= people * is_active(before)
        if after is not None:
            self.people[after] = self.people.get(after, 0) + people
            if after_here:
                self.placed_here += people
                self.placed_here_active += people * is_active(after)
            if kind in ARRIVALS:
                self.arrivals += people


def members(people: Mapping[str, int], group: str) -> Count:
    """Return registered and active people of a group, of people by code of the profile."""
    registered = active = 0
    for code, number in people.items():
        groups, are_active = _values(code, "group")
        if group in groups:
            registered += number
            active += number * are_active
    return Count(registered, active)


@lru_cache(maxsize=_VALUES)
def _values(code: str, dimension: Dimension) -> tuple[tuple[str, ...], bool]:
    """Return the values of a profile in a dimension, and whether people of it are active."""
    profile = profile_of(code)
    values: str | tuple[str, ...] = getattr(profile, _FIELDS.get(dimension, dimension))
    return (values,) if isinstance(values, str) else values, profile.active


def newest(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two instants, either of which may be unknown."""
    if one is None or other is None:
        return one or other
    return max(one, other)


def add_up(into: dict[str, int], other: Mapping[str, int]) -> None:
    """Add numbers key by key."""
    if not into:
        into.update(other)
        return
    for key, number in other.items():
        into[key] = into.get(key, 0) + number
