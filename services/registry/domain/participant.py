"""One person: the facts accepted of them, and what has been published of the timeline these make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from services.registry.domain.facts import Fact, Link
from services.registry.domain.timeline import Transition, difference, next_due, timeline


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

    Compares the whole timelines before and after: facts may arrive late, in any order, and leave again. With the
    same set it is the clock that moves. Retractions come first.
    """
    clock = max(now, participant.decided_at or now)
    change = difference(participant.facts, participant.decided_at or _NEVER, facts, clock)
    begun = participant.sources[: len(change.shared)]
    deltas, sources = _deltas(_sent_as(change.old, participant.sources[len(begun) :]), change.new)
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
    """Return what turns the old into the new, and the sources that the new ones go, or went, out with."""
    if not old:
        return [Delta(1, transition) for transition in new], [transition.source for transition in new]
    known = {transition: transition.source for transition in old}
    standing = set(new)
    deltas = [Delta(-1, transition) for transition in old if transition not in standing]
    deltas += [Delta(1, transition) for transition in new if transition not in known]
    return deltas, [known.get(transition, transition.source) for transition in new]


def published(participant: Participant) -> list[Transition]:
    """Return the published sequence: made again from the facts, each transition with the source it went out with."""
    return _sent_as(timeline(participant.facts, participant.decided_at or _NEVER), participant.sources)


def registered_at(participant: Participant, now: datetime) -> bool:
    """Say whether the person is registered at this instant, or at the later one up to which they were published.

    A registered person is erased only by force: a later fact of the identity would be a new person, counted once more.
    """
    transitions = timeline(participant.facts, max(now, participant.decided_at or now))
    return bool(transitions) and transitions[-1].after is not None


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""The clock of a participant that was never decided: nothing is effective by then."""


def _sent_as(made: Sequence[Transition], sources: Sequence[str]) -> list[Transition]:
    return [_from(transition, source) for transition, source in zip(made, sources, strict=True)]


def _from(transition: Transition, source: str) -> Transition:
    return transition if transition.source == source else replace(transition, source=source)
