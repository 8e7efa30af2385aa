"""One person: the accepted facts, and how far the timeline of these facts was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal

from services.registry.domain.facts import Fact, Link
from services.registry.domain.timeline import Transition, difference, next_due, timeline
from shared.values import value


@value(frozen=True, slots=True)
class Delta:
    """A transition published (+1) or taken back (−1)."""

    diff: Literal[1, -1]
    transition: Transition


@value(frozen=True, slots=True)
class Participant:
    """`links` join the holders of the facts. `sources` are the sources of the published transitions, in order.

    `decided_at` is the instant up to which the timeline was published; it never goes back. `due_at` is the next instant
    at which the clock alone changes something.
    """

    id: str
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    sources: tuple[str, ...] = ()
    decided_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def holders(self) -> frozenset[str]:
        """Every holder of this person that the facts and links name."""
        linked = {end for link in self.links for end in (link.holder, link.other)}
        return frozenset({self.id, *linked, *(fact.holder for fact in self.facts)})


def decide(
    participant: Participant, facts: Sequence[Fact], links: Sequence[Link], now: datetime
) -> tuple[Participant, list[Delta]]:
    """Return the participant with this set of facts, and the difference from what was published.

    Compares the whole timelines before and after, since facts may arrive late, in any order, and be corrected. With the
    same set of facts only the clock makes a difference. Transitions that are taken back come first.
    """
    clock = max(now, participant.decided_at or now)
    change = difference(participant.facts, participant.decided_at or _NEVER, facts, clock)
    begun = participant.sources[: len(change.shared)]
    deltas, sources = _deltas(_with_sources(change.old, participant.sources[len(begun) :]), change.new)
    last = change.new or change.shared
    decided = Participant(
        id=participant.id,
        facts=tuple(facts),
        links=tuple(links),
        sources=(*begun, *sources),
        decided_at=clock,
        due_at=next_due(facts, clock, last[-1].after if last else None),
    )
    return decided, deltas


def _deltas(old: Sequence[Transition], new: Sequence[Transition]) -> tuple[list[Delta], list[str]]:
    """Return the deltas from old to new, and the source of each new transition. One that stays keeps its source."""
    if not old:
        return [Delta(1, transition) for transition in new], [transition.source for transition in new]
    known = {transition: transition.source for transition in old}
    kept = set(new)
    deltas = [Delta(-1, transition) for transition in old if transition not in kept]
    deltas += [Delta(1, transition) for transition in new if transition not in known]
    return deltas, [known.get(transition, transition.source) for transition in new]


def published(participant: Participant) -> list[Transition]:
    """Return the published transitions: made again from the facts, each with the source it was published with."""
    return _with_sources(timeline(participant.facts, participant.decided_at or _NEVER), participant.sources)


def registered_at(participant: Participant, now: datetime) -> bool:
    """Say whether the person is registered at this instant, or at the later one up to which they were published.

    A registered person is erased only by force: a later fact of the identity would be a new person, counted once more.
    """
    transitions = timeline(participant.facts, max(now, participant.decided_at or now))
    return bool(transitions) and transitions[-1].after is not None


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""The clock of a participant that was never decided: nothing is effective by then."""


def _with_sources(made: Sequence[Transition], sources: Sequence[str]) -> list[Transition]:
    return [_with_source(transition, source) for transition, source in zip(made, sources, strict=True)]


def _with_source(transition: Transition, source: str) -> Transition:
    return transition if transition.source == source else replace(transition, source=source)
