"""Participants, and the slots that recognise facts again, as MongoDB documents."""

from __future__ import annotations

from typing import Any, Final

from services.registry.domain.facts import Correction, Fact, FactKey, FactOrLink, FactType, Link
from services.registry.domain.participant import Participant
from services.registry.intake.mongo.packing import pack, unpack
from services.registry.intake.ports import KnownFact, Slot

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


def fact_key(id_: str) -> FactKey:
    """Return the (source, id) of which `fact_id` made this string."""
    length, _, rest = id_.partition(":")
    return rest[: int(length)], rest[int(length) :]


def slot_document(key: FactKey, slot: Slot) -> Document:
    """Return what is kept under a (source, id); before the fact has arrived, only its corrections."""
    document: Document = {"_id": fact_id(key)}
    if slot.fact is not None:
        fact = slot.fact
        document |= {"d": fact.digest, "y": fact.type, "t": fact.effective_at, "h": list(fact.holders)}
        # A digest at the first layer has no layer in its document.
        document |= {"l": fact.layer} if fact.layer > 1 else {}
    if slot.corrections:
        document["c"] = [_correction_document(correction) for correction in slot.corrections]
    return document


def slot_of(document: Document) -> Slot:
    """Return what is kept under a (source, id)."""
    known = None
    if "d" in document:
        known = KnownFact(
            bytes(document["d"]), document["y"], document["t"], tuple(document["h"]), document.get("l", 1)
        )
    return Slot(known, tuple(_correction_of(correction) for correction in document.get("c", ())))


def _correction_document(correction: Correction) -> Document:
    return {
        "t": correction.effective_at,
        "s": correction.source,
        "i": correction.id,
        "corrects": correction.corrects,
        "y": correction.type,
        "replacement": None if correction.replacement is None else _document_of(correction.replacement),
        "timed": correction.timed,
    }


def _correction_of(document: Document) -> Correction:
    replacement = document["replacement"]
    return Correction(
        effective_at=document["t"],
        source=document["s"],
        id=document["i"],
        corrects=document["corrects"],
        type=document["y"],
        replacement=None if replacement is None else _fact_or_link_of(replacement),
        timed=document["timed"],
    )


def participant_document(participant: Participant) -> Document:
    """Return the document of a participant. It holds no identity, only the person's id and holders."""
    return {
        "_id": participant.id,
        "facts": pack(participant.facts, participant.sources),
        "links": [_document_of(link) for link in participant.links],
        "decided_at": participant.decided_at,
        "due_at": participant.due_at,
    }


def participant_of(document: Document) -> Participant:
    """Return the participant a document holds."""
    facts, sources = unpack(document["facts"])
    return Participant(
        id=document["_id"],
        facts=facts,
        links=tuple(_link_of(link) for link in document["links"]),
        sources=sources,
        decided_at=document["decided_at"],
        due_at=document["due_at"],
    )


def _document_of(fact: FactOrLink) -> Document:
    names = _LINK if isinstance(fact, Link) else _NAMES
    values = {short: getattr(fact, name) for name, short in names.items()}
    return {short: value for short, value in values.items() if value is not None}


def _fact_or_link_of(document: Document) -> FactOrLink:
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
