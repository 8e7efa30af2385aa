"""Checks whether a CloudEvent has the shape of a fact, and finds everything that is wrong with it.

msgspec decodes usual facts quickly (`shared/contracts/fact_structs.py`). All others go to Pydantic, which finds every
fault at once (`shared/contracts/facts.py`). Each fault becomes a refusal with our code, so that the answer can name the
first in our order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pydantic import ValidationError

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.domain.timeline import CLOCK
from services.registry.identity.refusals import as_refusal, named
from shared.contracts import facts as contract
from shared.contracts.fact_structs import Event, Said, said
from shared.runtime.masking import masked
from shared.values import value

CORRECTED: Final = "cakupan.corrected.v1"
_RECLASSIFIED: Final = "cakupan.reclassified.v1"
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,64}", re.ASCII)
_ATTRIBUTES: Final = contract.Envelope.model_fields.keys()


_SOURCES: Final = 1024
"""Sources that were checked already; a registry has some dozens."""


@value(frozen=True, slots=True)
class Shaped:
    """An event that has the shape of a fact: what it says, `time` in UTC. `data` is that of a correction, as sent.

    `replacement` is the fact that a correction puts in the place of another. A correction itself says nothing.
    """

    type: str
    source: str
    id: str
    time: datetime
    said: Said | None
    data: dict[str, Any] | None = None
    replacement: Shaped | None = None

    @property
    def in_force(self) -> Said | None:
        """What the fact says, or what a correction puts in its place; None where it only makes a fact void."""
        return self.replacement.said if self.replacement else self.said


def usual(event: Event, now: datetime) -> Shaped | None:
    """Return the event, None where `shape` has to find out what is wrong with it."""
    if _source_refusal(event.source):
        return None
    try:
        time = contract.instant_of(event.time, now)
    except ValueError:
        return None
    data = event.data
    if event.type == _RECLASSIFIED and not any(getattr(data, name) is not None for name in contract.RECLASSIFIABLE):
        return None
    return Shaped(event.type, event.source, event.id, time, data)


def shape(document: dict[str, Any], now: datetime) -> Shaped | list[Refusal]:
    """Return the event, or everything that is wrong with its shape."""
    type_ = document.get("type")
    if isinstance(type_, str) and type_ not in contract.TYPES:
        return [_unknown_type("type", contract.TYPES)]
    model = contract.TYPES.get(type_, contract.Envelope) if isinstance(type_, str) else contract.Envelope
    refusals = [*_envelope_refusals(document), *_nothing_reclassified(document)]
    event = None
    try:
        event = model.model_validate(document, context={"now": now})
    except ValidationError as error:
        refusals += [as_refusal(wrong) for wrong in error.errors(include_url=False)]
    inner = _replacement(document, now) if type_ == CORRECTED else None
    if isinstance(inner, list):
        refusals += inner
    if refusals or isinstance(inner, list):
        return refusals
    assert isinstance(event, contract.Fact)
    data = document["data"]
    if event.type == CORRECTED:
        return Shaped(event.type, event.source, event.id, event.time, None, data, inner)
    return Shaped(event.type, event.source, event.id, event.time, said(event.type, data))


def _replacement(document: dict[str, Any], now: datetime) -> Shaped | list[Refusal] | None:
    """Return the replacement of a correction, None where there is none, or what is wrong with either."""
    data = document.get("data")
    if not isinstance(data, dict):
        return None
    named = [name for name in ("void", "replacement") if name in data]
    if not named:
        return [Refusal(RefusalCode.MISSING_FIELD, "data.replacement", "send either void: true or a replacement")]
    if len(named) > 1:
        return [Refusal(RefusalCode.UNKNOWN_FIELD, "data.void", "send either void: true or a replacement, not both")]
    short, replacement = data.get("type"), data.get("replacement")
    names = [name.split(".")[1] for name in contract.TYPES]
    if isinstance(short, str) and short not in names:
        return [_unknown_type("data.type", names)]
    if not isinstance(short, str) or not isinstance(replacement, dict) or short == "corrected":
        return None
    stands = {
        "specversion": "1.0", "id": "-", "source": "-", "type": f"cakupan.{short}.v1",
        "time": replacement.get("time", document.get("time")), "data": replacement.get("data"),
    }  # fmt: skip
    inner = shape(stands, now)
    return inner if isinstance(inner, Shaped) else [inside(refusal) for refusal in inner]


def inside(refusal: Refusal) -> Refusal:
    """Return the refusal of a replacement with its field named from the correction on."""
    return replace(refusal, field=".".join(filter(None, ("data.replacement", refusal.field))))


def _unknown_type(field: str, known: Iterable[str]) -> Refusal:
    return Refusal(RefusalCode.UNKNOWN_TYPE, field, f"is not taken; send one of {', '.join(known)}")


def _envelope_refusals(document: dict[str, Any]) -> Iterator[Refusal]:
    """Yield what is wrong with extensions and with the source."""
    for name in sorted(document.keys() - _ATTRIBUTES):
        if not _EXTENSION.fullmatch(name):
            detail = "has an attribute that CloudEvents has not (names are small letters and digits); leave it out"
            yield Refusal(RefusalCode.UNKNOWN_FIELD, named([name]), detail)
        elif not isinstance(document[name], (str, int)):
            detail = "has an extension that is no string, whole number or boolean"
            yield Refusal(RefusalCode.MALFORMED_FIELD, named([name]), detail)
    source = document.get("source")
    if isinstance(source, str) and (refusal := _source_refusal(source)):
        yield refusal


@lru_cache(_SOURCES)
def _source_refusal(source: str) -> Refusal | None:
    """Return what is wrong with a source, which is published with every change."""
    if source == CLOCK:
        return Refusal(RefusalCode.MALFORMED_FIELD, "source", "is the registry's own; name your system")
    if masked(source) != source:
        detail = "has a number like an identity's; a source is published: name the system"
        return Refusal(RefusalCode.MALFORMED_FIELD, "source", detail)
    return None


def _nothing_reclassified(document: dict[str, Any]) -> Iterator[Refusal]:
    data = document.get("data")
    if document.get("type") == _RECLASSIFIED and isinstance(data, dict):
        names = contract.RECLASSIFIABLE
        if not any(name in data for name in names):
            yield Refusal(RefusalCode.MISSING_FIELD, "data.segment", f"name at least one of {', '.join(names)}")
