"""The fold of changes into counts per region: a sum of signed deltas, so their order never matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal

from services.coverage.counting.domain.movements import ARRIVALS, MOVED, NO_FLOW, Counted, Movement, StepKey
from services.coverage.counting.domain.profiles import Profile, lapse_of, profile_of
from shared.contracts.snapshots import Count, DueWindow

CLOCK: Final = "clock"
"""The source that the registry names where no fact made the change."""

DUE_WINDOWS: Final[dict[DueWindow, timedelta]] = {
    "30d": timedelta(days=30),
    "60d": timedelta(days=60),
    "90d": timedelta(days=90),
}

Dimension = Literal["segment", "group", "payer", "programme"]


class Sum:
    """What changes add, at the places where they happened; any number of changes, in any order, in parts or at once.

    `steps` are people by step, `lapses` active people by place and lapse. `heard` is the newest recording by place
    and source; None is the source of what is no news of any: what was taken back, and what the clock made.
    """

    __slots__ = ("changes", "heard", "lapses", "steps")

    def __init__(self, changes: Iterable[Counted] = ()) -> None:
        self.changes = 0
        self.steps: defaultdict[StepKey, int] = defaultdict(int)
        self.lapses: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.heard: dict[tuple[str, str | None], datetime] = {}
        self.add(changes)

    def add(self, changes: Iterable[Counted]) -> None:
        """Take changes in. Written for speed: it runs once for every change there ever was."""
        steps, lapses, heard = self.steps, self.lapses, self.heard
        for _, diff, kind, effective, recorded, recorded_at, source, counterpart, before, after in changes:
            self.changes += 1
            news = source if diff > 0 and source != CLOCK else None
            origin = target = was = is_now = None
            if before is not None:
                origin, was, lapse = before
                if lapse is not None:
                    lapses[origin, lapse] -= diff
                if heard.setdefault((origin, news), recorded_at) < recorded_at:
                    heard[origin, news] = recorded_at
            if after is not None:
                target, is_now, lapse = after
                if lapse is not None:
                    lapses[target, lapse] += diff
                if heard.setdefault((target, news), recorded_at) < recorded_at:
                    heard[target, news] = recorded_at
            if kind in NO_FLOW and was == is_now:
                continue
            if kind == MOVED:
                origin, target = origin or counterpart, target or counterpart
            steps[effective, recorded, kind, origin, was, target, is_now] += diff

    @property
    def places(self) -> set[str]:
        """The places in which anything was counted."""
        return {place for place, _ in self.heard}


@dataclass(slots=True)
class Tally:
    """A region as counted: people by profile, active people by lapse, those whose place is this very region.

    `recorded_at` is the newest change, `fed_at` the newest that a source's own fact made. Codes as in `standing`.
    `arrivals` are those who ever came to a place of it, from elsewhere in it too: more than 0 once its history began.
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
        """Those who are active."""
        return sum(people for code, people in self.people.items() if profile_of(code).active)

    def by(self, dimension: Dimension) -> dict[str, Count]:
        """Return registered and active by segment, group, payer or programme, in order; nobody is left out.

        Groups and programmes overlap: they are never summed.
        """
        registered, active = defaultdict[str, int](int), defaultdict[str, int](int)
        for code, people in self.people.items():
            profile = profile_of(code)
            for value in _values(profile, dimension):
                registered[value] += people
                active[value] += people * profile.active
        counts = {value: Count(registered[value], active[value]) for value in sorted(registered)}
        return {value: count for value, count in counts.items() if count != Count()}

    def hear(self, source: str | None, recorded_at: datetime) -> None:
        """Remember when a change was recorded, and as news of its source if it is."""
        self.recorded_at = newest(self.recorded_at, recorded_at)
        if source is not None:
            self.fed_at[source] = newest(self.fed_at.get(source), recorded_at) or recorded_at

    def as_below(self) -> Tally:
        """Return the same people as a region above counts them: none of them is placed there."""
        return Tally(self.people, self.lapses, 0, 0, self.recorded_at, self.fed_at, self.arrivals)

    def due(self, until: date) -> dict[str, int]:
        """Return the active people who lapse on that day or before, by code of the lapse."""
        return {code: people for code, people in self.lapses.items() if people and lapse_of(code).on <= until}

    def due_by_payer(self, until: date) -> dict[str, int]:
        """Return the active people who lapse on that day or before, by payer."""
        payers = defaultdict[str, int](int)
        for code, people in self.due(until).items():
            payers[lapse_of(code).payer] += people
        return dict(sorted(payers.items()))

    def add(self, other: Tally) -> None:
        """Take the other's counts in."""
        add_up(self.people, other.people)
        add_up(self.lapses, other.lapses)
        self.placed_here += other.placed_here
        self.placed_here_active += other.placed_here_active
        self.arrivals += other.arrivals
        self.recorded_at = newest(self.recorded_at, other.recorded_at)
        for source, recorded_at in other.fed_at.items():
            self.hear(source, recorded_at)

    def without(self, movements: Iterable[tuple[Movement, int]]) -> Tally:
        """Return people, those placed here and arrivals as they were before these movements; what lapses is known of
        now only.
        """
        earlier = Tally(dict(self.people), {}, self.placed_here, self.placed_here_active, arrivals=self.arrivals)
        for movement, people in movements:
            earlier._count(movement.before, people, here=movement.before_here)
            earlier._count(movement.after, -people, here=movement.after_here)
            if movement.after is not None and movement.kind in ARRIVALS:
                earlier.arrivals -= people
        return earlier

    def _count(self, code: str | None, people: int, *, here: bool) -> None:
        if code is None:
            return
        self.people[code] = self.people.get(code, 0) + people
        if here:
            self.placed_here += people
            self.placed_here_active += people * profile_of(code).active


def _values(profile: Profile, dimension: Dimension) -> tuple[str, ...]:
    values = {
        "segment": (profile.segment,),
        "group": profile.groups,
        "payer": (profile.payer,),
        "programme": profile.programmes,
    }
    return values[dimension]


def newest(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later instant of those that are known."""
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
