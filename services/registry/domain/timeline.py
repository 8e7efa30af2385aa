"""A person's timeline: the transitions that follow from the set of their facts.

A pure function of the facts and of the clock. The order of arrival never matters (semantics.md, "A person's
timeline" and "Changes").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import field, replace
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter

from services.registry.domain.eligibility import DEFAULT_PROGRAMMES, allowed_programmes
from services.registry.domain.facts import Fact, FactType
from services.registry.domain.lapse import DEFAULT_GRACE, GraceTable, lapse_instant, lapses_on
from shared.contracts.changes import Kind, State
from shared.regions.codes import zone_of
from shared.values import value

CLOCK = "clock"
"""The source of a transition that no fact made."""

_PAID_BY_EMPLOYER = frozenset({"PU", "JAKON"})


@value(frozen=True, slots=True)
class Transition:
    """From `before` to `after` at an instant, None where not registered. The source does not count in comparisons."""

    effective_at: datetime
    effective_day: date
    kind: Kind
    before: State | None
    after: State | None
    source: str = field(compare=False)


def timeline(facts: Iterable[Fact], until: datetime, grace: GraceTable = DEFAULT_GRACE) -> list[Transition]:
    """Return every transition effective at or before `until`, in order of time."""
    return _Timeline(grace).through(_effective(facts, until), until)


@value(frozen=True, slots=True)
class Difference:
    """Two timelines of one person: the transitions that both begin with, and the rest of each."""

    shared: Sequence[Transition]
    old: Sequence[Transition]
    new: Sequence[Transition]


def difference(
    old: Iterable[Fact], old_until: datetime, new: Iterable[Fact], new_until: datetime,
    grace: GraceTable = DEFAULT_GRACE,
) -> Difference:  # fmt: skip
    """Return the timelines of both sets of facts. As far as the sets agree, the facts are applied only once.

    Most facts are the newest of their person, so of ten years of payments only the last one is applied twice.
    """
    before, after = _effective(old, old_until), _effective(new, new_until)
    if not before:
        return Difference((), (), _Timeline(grace).through(after, new_until))
    agree = _agreeing(before, after)
    walk = _Timeline(grace)
    walk.apply_all(before[:agree])
    shared, walk.transitions = walk.transitions, []
    goes_on = copy(walk)
    goes_on.transitions = []
    return Difference(shared, walk.through(before[agree:], old_until), goes_on.through(after[agree:], new_until))


def _effective(facts: Iterable[Fact], until: datetime) -> list[Fact]:
    """Return the facts effective at or before `until`, in the order in which they are applied."""
    effective = [fact for fact in facts if fact.effective_at <= until]
    if len(effective) > 1:
        effective.sort(key=attrgetter("order"))
    return effective


def _agreeing(one: Sequence[Fact], other: Sequence[Fact]) -> int:
    """Return with how many equal facts both begin. Only whole instants count: each makes one transition."""
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


class _Timeline:
    """Folds facts into transitions, and remembers between instants what the rules need."""

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
        """Apply facts in order, and record the lapses that fall between them."""
        for instant, together in groupby(facts, key=attrgetter("effective_at")):
            self.lapse_before(instant)
            self.apply(instant, list(together))

    def apply(self, instant: datetime, facts: list[Fact]) -> None:
        """Apply the facts of one instant; together they make one transition."""
        state = self._state
        for fact in facts:
            state = self._apply_one(state, fact)
        self._record(instant, state, facts[-1].source)

    def _apply_one(self, state: State | None, fact: Fact) -> State | None:
        match fact.type:
            case FactType.ENDED:
                self._paid_ahead = None
                return None
            case FactType.ENROLLED:
                return self._enrol(state, fact)
            case FactType.CONTRIBUTION_PAID:
                return self._pay(state, fact)
            case FactType.RECLASSIFIED:
                return state and _reclassified(state, fact)
            case FactType.RELOCATED:
                return state and replace(state, region=fact.region or state.region)

    def lapse_before(self, instant: datetime) -> None:
        """Record a lapse that falls before the instant. A lapse at the instant is judged together with its facts."""
        due = self._lapse_due()
        if due is not None and due < instant:
            self._record(due, self._state, CLOCK)

    def lapse_by(self, instant: datetime) -> None:
        """Record a lapse that falls at or before the instant."""
        due = self._lapse_due()
        if due is not None and due <= instant:
            self._record(due, self._state, CLOCK)

    def _lapse_due(self) -> datetime | None:
        state = self._state
        return lapse_instant(state.lapses_on, state.region) if state and state.lapses_on else None

    def _enrol(self, state: State | None, fact: Fact) -> State:
        """Register the person. One who is registered already takes the new attributes and stays one person."""
        assert fact.region is not None
        assert fact.segment is not None
        paid = _later(state.paid_through if state else self._paid_ahead, fact.paid_through)
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

    def _pay(self, state: State | None, fact: Fact) -> State | None:
        """Raise the month paid through. A payment before the enrolment waits for it."""
        if state is None:
            self._paid_ahead = _later(self._paid_ahead, fact.paid_through)
            return None
        paid = _later(state.paid_through, fact.paid_through)
        if paid == state.paid_through:
            return state
        # Written out here and in `_judged`, since `replace` takes three times as long and this runs for every payment.
        return State(
            state.region, state.segment, state.groups, fact.payer or state.payer, state.programmes,
            state.registered, state.active, paid, state.lapses_on,
        )  # fmt: skip

    def _record(self, instant: datetime, state: State | None, source: str) -> None:
        """Judge activity at the instant, and record a transition if anything has changed."""
        before, after = self._state, self._judged(state, instant)
        if before == after:
            return
        kind = self._kind(before, after)
        self._was_active = after is not None and (after.active or (before is not None and self._was_active))
        self._was_registered = True
        self._state = after
        self._last_day = self._day(instant, before, after)
        self.transitions.append(Transition(instant, self._last_day, kind, before, after, source))

    def _judged(self, state: State | None, instant: datetime) -> State | None:
        if state is None or state.paid_through is None:
            return state
        day = lapses_on(state.paid_through, state.segment, self._grace)
        active = instant < lapse_instant(day, state.region)
        return State(
            state.region, state.segment, state.groups, state.payer, state.programmes,
            state.registered, active, state.paid_through, day if active else None,
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
        day = self._last_day
        for state in (before, after):
            if state is not None:
                day = max(day, instant.astimezone(zone_of(state.region)).date())
        return day


def _reclassified(state: State, fact: Fact) -> State:
    """Set what the fact names; a new segment drops programmes that it does not allow."""
    segment = fact.segment or state.segment
    programmes = state.programmes
    if segment != state.segment:
        allowed = allowed_programmes(segment, fact.effective_at.astimezone(zone_of(state.region)).date())
        programmes = tuple(programme for programme in programmes if programme in allowed)
    return replace(
        state,
        segment=segment,
        groups=state.groups if fact.groups is None else fact.groups,
        payer=fact.payer or state.payer,
        programmes=programmes if fact.programmes is None else fact.programmes,
    )


def _later(one: str | None, other: str | None) -> str | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _classes(state: State) -> tuple[object, ...]:
    return state.segment, state.groups, state.payer, state.programmes
