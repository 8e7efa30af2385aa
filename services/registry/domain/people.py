"""Who is one person: holders joined by links, and the participants these make of their facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from services.registry.domain.facts import Fact, FactKey, Link, Placed
from services.registry.domain.participant import Participant


@dataclass(frozen=True, slots=True)
class Regrouped:
    """Each person touched, before (None where new) and with the placed facts that are now theirs.

    `person_of` gives for every holder seen the person it now belongs to.
    """

    people: Mapping[str, tuple[Participant | None, list[Placed]]]
    person_of: Mapping[str, str]


def regroup(participants: Iterable[Participant], removed: Collection[FactKey], added: Iterable[Placed]) -> Regrouped:
    """Return who is who once the facts are removed and added.

    A person is a set of holders joined by links, and bears the name of the least of them: whatever the order of
    arrival, the same set gives the same name.
    """
    before = {participant.id: participant for participant in participants}
    placed: list[Placed] = [fact for who in before.values() for fact in who.facts if fact.key not in removed]
    placed += [link for who in before.values() for link in who.links if link.key not in removed]
    placed += added
    holders = {holder for who in before.values() for holder in who.holders}
    person_of = _components(holders, placed)
    sets: defaultdict[str, list[Placed]] = defaultdict(list)
    for item in placed:
        sets[person_of[item.holder]].append(item)
    names = before.keys() | sets.keys()
    return Regrouped({name: (before.get(name), sets.get(name, [])) for name in names}, person_of)


def _components(holders: set[str], placed: Iterable[Placed]) -> dict[str, str]:
    """Return for each holder the least holder that it is joined with (union-find)."""
    parent = {holder: holder for holder in holders}

    def root(holder: str) -> str:
        parent.setdefault(holder, holder)
        while parent[holder] != holder:
            parent[holder] = parent[parent[holder]]
            holder = parent[holder]
        return holder

    for item in placed:
        one, other = root(item.holder), root(item.other if isinstance(item, Link) else item.holder)
        parent[max(one, other)] = min(one, other)
    return {holder: root(holder) for holder in list(parent)}


def split(placed: Iterable[Placed]) -> tuple[tuple[Fact, ...], tuple[Link, ...]]:
    """Return the facts of a timeline and the links apart."""
    items = list(placed)
    facts = tuple(item for item in items if isinstance(item, Fact))
    return facts, tuple(item for item in items if isinstance(item, Link))
