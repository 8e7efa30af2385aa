"""A person's timeline: what the set of their facts makes of them, transition by transition.

A pure function of the facts and of the clock; the order of arrival never matters (semantics.md, "A person's
timeline" and "Changes").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter

from services.registry.domain.eligibility import DEFAULT_PROGRAMMES, allowed_programmes
from services.registry.domain.facts import Fact, FactType
from services.registry.domain.lapse import DEFAULT_GRACE, GraceTable, lapse_instant, lapses_on
from shared.contracts.changes import Kind, State
from shared.regions.codes import zone_of

CLOCK = "clock"
"""The source of a transition that no fact made."""

_PAID_BY_EMPLOYER = frozenset({"PU", "JAKON"})


@dataclass(frozen=True, slots=True)
class Transition:
    """From `before` to `after` at an instant; null where not registered. Two are the same whatever their source."""

    effective_at: datetime
    effective_day: date
    kind: Kind
    before: State | None
    after: State | None
    source: str = field(compare=False)


def timeline(facts: Iterable[Fact], until: datetime, grace: GraceTable = DEFAULT_GRACE) -> list[Transition]:
    """Return every transition effective at or before `until`, in order of time."""
    return _Walk(grace).through(_effective(facts, until), until)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two timelines of one person: the transitions that both begin with, and how each goes on."""

    shared: Sequence[Transition]
    old: Sequence[Transition]
    new: Sequence[Transition]


def difference(
    old: Iterable[Fact], old_until: datetime, new: Iterable[Fact], new_until: datetime,
    grace: GraceTable = DEFAULT_GRACE,
) -> Difference:  # fmt: skip
    """Return the timelines of both sets of facts, walked once as far as the sets agree.

    Most facts are the newest of their person: of ten years of payments only the last step is walked twice.
    """
    before, after = _effective(old, old_until), _effective(new, new_until)
    if not before:
        return Difference((), (), _Walk(grace).through(after, new_until))
    agree = _agreeing(before, after)
    walk = _Walk(grace)
    walk.apply_all(before[:agree])
    shared, walk.transitions = walk.transitions, []
    goes_on = copy(walk)
    goes_on.transitions = []
    return Difference(shared, walk.through(before[agree:], old_until), goes_on.through(after[agree:], new_until))


def _effective(facts: Iterable[Fact], until: datetime) -> list[Fact]:
    """Return what is effective by then, in the order in which it is applied."""
    return sorted((fact for fact in facts if fact.effective_at <= until), key=attrgetter("order"))


def _agreeing(one: Sequence[Fact], other: Sequence[Fact]) -> int:
    """Return how many facts both begin with, of whole instants: those of one instant make one transition."""
    agree = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine is not theirs and mine != theirs:
            break
        agree += 1
    next_at = min((facts[agree].effective_at for facts in (one, other) if len(facts) > agree), default=None)
    while agree and one[agree - 1].effective_at == next_at:
        agree -= 1
    return agree


def next_due(facts: Iterable[Fact], after: datetime, last: State | None) -> datetime | None:
    """Return the next instant at which the clock alone changes something: a lapse, or a fact of the future."""
    coming = [fact.effective_at for fact in facts if fact.effective_at > after]
    if last is not None and last.lapses_on is not None:
        coming.append(lapse_instant(last.lapses_on, last.region))
    return min(coming, default=None)


class _Walk:
    """The fold, with what it must remember between instants."""

    def __init__(self, grace: GraceTable) -> None:
        self.transitions: list[Transition] = []
        self._grace = grace
        self._state: State | None = None
        self._last_day = date.min
        self._was_registered = False
        self._was_active = False
        self._paid_ahead: str | None = None

    def through(self, facts: Iterable[Fact], until: datetime) -> list[Transition]:
        """Apply the facts, let the clock run until the instant, and return the transitions."""
        self.apply_all(facts)
        self.lapse_by(until)
        return self.transitions

    def apply_all(self, facts: Iterable[Fact]) -> None:
        """Apply facts in order, with the lapses that fall between them."""
        for instant, together in groupby(facts, key=attrgetter("effective_at")):
            self.lapse_before(instant)
            self.apply(instant, list(together))

    def apply(self, instant: datetime, facts: list[Fact]) -> None:
        """Apply the facts of one instant, which make one transition."""
        standing = self._state
        for fact in facts:
            standing = self._apply_one(standing, fact)
        self._settle(instant, standing, facts[-1].source)

    def _apply_one(self, standing: State | None, fact: Fact) -> State | None:
        match fact.type:
            case FactType.ENDED:
                self._paid_ahead = None
                return None
            case FactType.ENROLLED:
                return self._enrol(standing, fact)
            case FactType.CONTRIBUTION_PAID:
                return self._pay(standing, fact)
            case FactType.RECLASSIFIED:
                return standing and _reclassified(standing, fact)
            case FactType.RELOCATED:
                return standing and replace(standing, region=fact.region or standing.region)

    def lapse_before(self, instant: datetime) -> None:
        """Let a lapse happen that falls before the instant; one at the instant is judged with its facts."""
        due = self._lapse_due()
        if due is not None and due < instant:
            self._settle(due, self._state, CLOCK)

    def lapse_by(self, instant: datetime) -> None:
        """Let a lapse happen that falls at or before the instant."""
        due = self._lapse_due()
        if due is not None and due <= instant:
            self._settle(due, self._state, CLOCK)

    def _lapse_due(self) -> datetime | None:
        state = self._state
        return lapse_instant(state.lapses_on, state.region) if state and state.lapses_on else None

    def _enrol(self, standing: State | None, fact: Fact) -> State:
        """Register the person; an enrolment that still stands takes the new attributes and stays one person."""
        assert fact.region is not None
        assert fact.segment is not None
        paid = _later(standing.paid_through if standing else self._paid_ahead, fact.paid_through)
        self._paid_ahead = None
        return State(
            region=fact.region,
            segment=fact.segment,
            groups=fact.groups or (),
            payer=fact.payer or ("employer" if fact.segment in _PAID_BY_EMPLOYER else "self"),
            programmes=DEFAULT_PROGRAMMES if fact.programmes is None else fact.programmes,
            registered=True,
            active=False,
            paid_through=paid,
            lapses_on=None,
        )

    def _pay(self, standing: State | None, fact: Fact) -> State | None:
        """Raise the month paid through; a payment before the enrolment waits for it."""
        if standing is None:
            self._paid_ahead = _later(self._paid_ahead, fact.paid_through)
            return None
        paid = _later(standing.paid_through, fact.paid_through)
        if paid == standing.paid_through:
            return standing
        # Spelled out here and in `_judged`: `replace` takes three times as long, at each payment of many years.
        return State(
            standing.region, standing.segment, standing.groups, fact.payer or standing.payer, standing.programmes,
            standing.registered, standing.active, paid, standing.lapses_on,
        )  # fmt: skip

    def _settle(self, instant: datetime, standing: State | None, source: str) -> None:
        """Judge activity at the instant, and record a transition if anything is other than before."""
        before, after = self._state, self._judged(standing, instant)
        if before == after:
            return
        kind = self._kind(before, after)
        self._was_active = after is not None and (after.active or (before is not None and self._was_active))
        self._was_registered = True
        self._state = after
        self._last_day = self._day(instant, before, after)
        self.transitions.append(Transition(instant, self._last_day, kind, before, after, source))

    def _judged(self, standing: State | None, instant: datetime) -> State | None:
        if standing is None or standing.paid_through is None:
            return standing
        day = lapses_on(standing.paid_through, standing.segment, self._grace)
        active = instant < lapse_instant(day, standing.region)
        return State(
            standing.region, standing.segment, standing.groups, standing.payer, standing.programmes,
            standing.registered, active, standing.paid_through, day if active else None,
        )  # fmt: skip

    def _kind(self, before: State | None, after: State | None) -> Kind:
        """Return the first kind that fits (semantics.md, "Changes")."""
        if before is None:
            return Kind.REJOINED if self._was_registered else Kind.JOINED
        if after is None:
            return Kind.ENDED
        if before.region != after.region:
            return Kind.MOVED
        if before.active != after.active:
            if before.active:
                return Kind.LAPSED
            return Kind.RETURNED if self._was_active else Kind.ACTIVATED
        return Kind.RECLASSIFIED if _classes(before) != _classes(after) else Kind.PAID

    def _day(self, instant: datetime, before: State | None, after: State | None) -> date:
        zones = {zone_of(state.region) for state in (before, after) if state}
        return max(self._last_day, *(instant.astimezone(zone).date() for zone in zones))


def _reclassified(standing: State, fact: Fact) -> State:
    """Set what the fact names; a new segment drops programmes that it does not allow."""
    segment = fact.segment or standing.segment
    programmes = standing.programmes
    if segment != standing.segment:
        allowed = allowed_programmes(segment, fact.effective_at.astimezone(zone_of(standing.region)).date())
        programmes = tuple(programme for programme in programmes if programme in allowed)
    return replace(
        standing,
        segment=segment,
        groups=standing.groups if fact.groups is None else fact.groups,
        payer=fact.payer or standing.payer,
        programmes=programmes if fact.programmes is None else fact.programmes,
    )


def _later(one: str | None, other: str | None) -> str | None:
    return max((month for month in (one, other) if month is not None), default=None)


def _classes(state: State) -> tuple[object, ...]:
    return state.segment, state.groups, state.payer, state.programmes
