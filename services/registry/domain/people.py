"""Finds who is one person: holders joined by links, and their facts together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.registry.domain.facts import Fact, FactKey, FactOrLink, Link
from services.registry.domain.participant import Participant


@dataclass(frozen=True, slots=True)
class Regrouped:
    """Every person concerned: the participant before (None where new) and the facts and links that are theirs now.

    `person_of` maps every holder to the person it belongs to now.
    """

    people: Mapping[str, tuple[Participant | None, list[FactOrLink]]]
    person_of: Mapping[str, str]


def regroup(
    participants: Iterable[Participant], removed: Collection[FactKey], added: Iterable[FactOrLink]
) -> Regrouped:
    """Return the persons after these facts are removed and added.

    A person is a set of holders joined by links. Its id is the least of them, so the same set has the same id whatever
    the order of arrival.
    """
    before = {participant.id: participant for participant in participants}
    facts: list[FactOrLink] = [fact for who in before.values() for fact in who.facts if fact.key not in removed]
    facts += [link for who in before.values() for link in who.links if link.key not in removed]
    facts += added
    holders = {holder for who in before.values() for holder in who.holders}
    person_of = _components(holders, facts)
    sets: defaultdict[str, list[FactOrLink]] = defaultdict(list)
    for item in facts:
        sets[person_of[item.holder]].append(item)
    names = before.keys() | sets.keys()
    return Regrouped({name: (before.get(name), sets.get(name, [])) for name in names}, person_of)


def _components(holders: set[str], facts: Iterable[FactOrLink]) -> dict[str, str]:
    """Return for each holder the least holder that it is joined with (union-find)."""
    parent = {holder: holder for holder in holders}

    def root(holder: str) -> str:
        parent.setdefault(holder, holder)
        while parent[holder] != holder:
            parent[holder] = parent[parent[holder]]
            holder = parent[holder]
        return holder

    for item in facts:
        one, other = root(item.holder), root(item.other if isinstance(item, Link) else item.holder)
        parent[max(one, other)] = min(one, other)
    return {holder: root(holder) for holder in list(parent)}


def split(facts: Sequence[FactOrLink]) -> tuple[tuple[Fact, ...], tuple[Link, ...]]:
    """Return the facts and the links apart."""
    return tuple([one for one in facts if isinstance(one, Fact)]), tuple(
        [one for one in facts if isinstance(one, Link)]
    )
