"""One person: the facts accepted of them, and what has been published of the timeline these make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.registry.domain.facts import Fact, Link
from services.registry.domain.timeline import Transition, next_due, timeline


@dataclass(frozen=True, slots=True)
class Delta:
    """A transition published (+1) or taken back (−1)."""

    diff: Literal[1, -1]
    transition: Transition


@dataclass(frozen=True, slots=True)
class Participant:
    """`links` join the holders of the facts. `sources` are those the published transitions went out with, in order.

    `decided_at` is the clock up to which the timeline was published, and never goes back; `due_at` is when the clock
    alone will change something.
    """

    id: str
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    sources: tuple[str, ...] = ()
    decided_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def holders(self) -> frozenset[str]:
        """Every holder that is this person, as far as its facts and links name them."""
        linked = {end for link in self.links for end in (link.holder, link.other)}
        return frozenset({self.id, *linked, *(fact.holder for fact in self.facts)})


def decide(
    participant: Participant, facts: Sequence[Fact], links: Sequence[Link], now: datetime
) -> tuple[Participant, list[Delta]]:
    """Return the participant with this set of facts, and the difference this makes to what was published.

    Takes the whole timeline before and after: facts may arrive late, in any order, and leave again. With the same
    set it is the clock that moves. Retractions come first.
    """
    clock = max(now, participant.decided_at or now)
    old = _published(participant)
    new = timeline(facts, clock)
    same = _alike(old, new)
    deltas, sources = _difference(old[same:], new[same:])
    decided = Participant(
        id=participant.id,
        facts=tuple(facts),
        links=tuple(links),
        sources=(*participant.sources[:same], *sources),
        decided_at=clock,
        due_at=next_due(facts, clock, new[-1].after if new else None),
    )
    return decided, deltas


def _difference(old: Sequence[Transition], new: Sequence[Transition]) -> tuple[list[Delta], list[str]]:
    """Return what turns the old into the new, and the sources that the new ones go, or went, out with."""
    if not old:
        return [Delta(1, transition) for transition in new], [transition.source for transition in new]
    known = {transition: transition.source for transition in old}
    standing = set(new)
    deltas = [Delta(-1, transition) for transition in old if transition not in standing]
    deltas += [Delta(1, transition) for transition in new if transition not in known]
    return deltas, [known.get(transition, transition.source) for transition in new]


def _alike(one: Sequence[Transition], other: Sequence[Transition]) -> int:
    """Return how many transitions the two begin with in common: nearly all, as most facts are news."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


def _published(participant: Participant) -> list[Transition]:
    """Return the published sequence: made again from the facts, each transition with the source it went out with."""
    if participant.decided_at is None:
        return []
    made = timeline(participant.facts, participant.decided_at)
    return [_from(transition, source) for transition, source in zip(made, participant.sources, strict=True)]


def _from(transition: Transition, source: str) -> Transition:
    if transition.source == source:
        return transition
    return Transition(
        transition.effective_at, transition.effective_day, transition.kind, transition.before, transition.after, source
    )
