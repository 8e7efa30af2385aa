"""Participants and facts as MongoDB documents. Short names: a person's facts are read and written at every change."""

from __future__ import annotations

from typing import Any, Final

from services.registry.application.ports import FactKey
from services.registry.domain.facts import Fact, FactType
from services.registry.domain.participant import Participant

Document = dict[str, Any]

_NAMES: Final = {
    "effective_at": "t", "type": "y", "source": "s", "id": "i", "region": "r", "segment": "g", "groups": "gr",
    "payer": "p", "programmes": "pr", "paid_through": "m",
}  # fmt: skip


def fact_id(key: FactKey) -> str:
    """Return one string for (source, id) that no other pair gives."""
    source, id_ = key
    return f"{len(source)}:{source}{id_}"


def participant_document(participant: Participant) -> Document:
    """Return the document of a participant; it holds no identity, only the person's id."""
    return {
        "_id": participant.id,
        "facts": [_fact_document(fact) for fact in participant.facts],
        "sources": list(participant.sources),
        "decided_at": participant.decided_at,
        "due_at": participant.due_at,
    }


def participant_of(document: Document) -> Participant:
    """Return the participant a document holds."""
    return Participant(
        id=document["_id"],
        facts=tuple(_fact_of(fact) for fact in document["facts"]),
        sources=tuple(document["sources"]),
        decided_at=document["decided_at"],
        due_at=document["due_at"],
    )


def _fact_document(fact: Fact) -> Document:
    values = {short: getattr(fact, name) for name, short in _NAMES.items()}
    return {short: value for short, value in values.items() if value is not None}


def _fact_of(document: Document) -> Fact:
    return Fact(
        effective_at=document["t"],
        type=FactType(document["y"]),
        source=document["s"],
        id=document["i"],
        region=document.get("r"),
        segment=document.get("g"),
        groups=_tuple(document.get("gr")),
        payer=document.get("p"),
        programmes=_tuple(document.get("pr")),
        paid_through=document.get("m"),
    )


def _tuple(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
