"""Participants and facts as MongoDB documents. Short names: a person's facts are read and written at every change."""

from __future__ import annotations

from typing import Any, Final

from services.registry.application.ports import FactKey, KnownFact
from services.registry.domain.facts import Correction, Fact, FactType, Link, Placed
from services.registry.domain.participant import Participant

Document = dict[str, Any]

_NAMES: Final = {
    "effective_at": "t", "type": "y", "source": "s", "id": "i", "holder": "h", "region": "r", "segment": "g",
    "groups": "gr", "payer": "p", "programmes": "pr", "paid_through": "m",
}  # fmt: skip
_LINK: Final = {"effective_at": "t", "source": "s", "id": "i", "holder": "h", "other": "o"}


def fact_id(key: FactKey) -> str:
    """Return one string for (source, id) that no other pair gives."""
    source, id_ = key
    return f"{len(source)}:{source}{id_}"


def known_document(key: FactKey, known: KnownFact) -> Document:
    """Return what is kept of an accepted fact; a digest at the first layer does not say so."""
    document: Document = {
        "_id": fact_id(key), "d": known.digest, "y": known.type, "t": known.effective_at, "h": list(known.holders),
    }  # fmt: skip
    return document if known.layer == 1 else {**document, "l": known.layer}


def known_of(document: Document) -> KnownFact:
    """Return what is kept of an accepted fact."""
    return KnownFact(bytes(document["d"]), document["y"], document["t"], tuple(document["h"]), document.get("l", 1))


def correction_document(correction: Correction) -> Document:
    """Return a correction, found by the fact it corrects."""
    return {
        "_id": fact_id((correction.source, correction.id)),
        "target": fact_id(correction.target),
        "t": correction.effective_at,
        "s": correction.source,
        "i": correction.id,
        "corrects": correction.corrects,
        "y": correction.type,
        "replacement": None if correction.replacement is None else _placed_document(correction.replacement),
        "timed": correction.timed,
    }


def correction_of(document: Document) -> Correction:
    """Return the correction a document holds."""
    replacement = document["replacement"]
    return Correction(
        effective_at=document["t"],
        source=document["s"],
        id=document["i"],
        corrects=document["corrects"],
        type=document["y"],
        replacement=None if replacement is None else _placed_of(replacement),
        timed=document["timed"],
    )


def participant_document(participant: Participant) -> Document:
    """Return the document of a participant; it holds no identity, only the person's id and holders."""
    return {
        "_id": participant.id,
        "facts": [_placed_document(fact) for fact in participant.facts],
        "links": [_placed_document(link) for link in participant.links],
        "sources": list(participant.sources),
        "decided_at": participant.decided_at,
        "due_at": participant.due_at,
    }


def participant_of(document: Document) -> Participant:
    """Return the participant a document holds."""
    return Participant(
        id=document["_id"],
        facts=tuple(_fact_of(fact) for fact in document["facts"]),
        links=tuple(_link_of(link) for link in document["links"]),
        sources=tuple(document["sources"]),
        decided_at=document["decided_at"],
        due_at=document["due_at"],
    )


def _placed_document(placed: Placed) -> Document:
    names = _LINK if isinstance(placed, Link) else _NAMES
    values = {short: getattr(placed, name) for name, short in names.items()}
    return {short: value for short, value in values.items() if value is not None}


def _placed_of(document: Document) -> Placed:
    return _fact_of(document) if "y" in document else _link_of(document)


def _link_of(document: Document) -> Link:
    return Link(**{name: document[short] for name, short in _LINK.items()})


def _fact_of(document: Document) -> Fact:
    return Fact(
        effective_at=document["t"],
        type=FactType(document["y"]),
        source=document["s"],
        id=document["i"],
        holder=document["h"],
        region=document.get("r"),
        segment=document.get("g"),
        groups=_tuple(document.get("gr")),
        payer=document.get("p"),
        programmes=_tuple(document.get("pr")),
        paid_through=document.get("m"),
    )


def _tuple(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
