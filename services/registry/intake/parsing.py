"""Turns a stranger's bytes into a candidate: a fact, or the first refusal that fits (semantics.md, "Refused")."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from services.registry.domain.eligibility import not_eligible
from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.domain.facts import (
    CORRECTED,
    AnyFact,
    Correction,
    Fact,
    FactKey,
    FactOrLink,
    FactType,
    Link,
    type_of,
)
from services.registry.domain.months import month_number
from services.registry.identity.identity import Identity, identity_of
from services.registry.identity.refusals import read_json
from services.registry.intake.regions import RegionCodes, Regions
from services.registry.intake.shape import CORRECTED as CORRECTED_TYPE
from services.registry.intake.shape import Shaped, inside, shape
from shared.contracts import facts as contract
from shared.regions.catalogue import Catalogue
from shared.regions.codes import WIB, zone_of
from shared.regions.successors import Homes, table

FURTHEST_PAID_MONTHS: Final = 24
"""semantics.md, `paid_through_out_of_range`."""


_WHO: Final = ("identity", "other")
"""The fields of a fact that hold identities."""
_ENROLLED: Final = "cakupan.enrolled.v1"
TOO_LARGE: Final = Refusal(RefusalCode.TOO_LARGE, None, f"a fact has at most {contract.MAX_FACT_BYTES} bytes")
CORRECTION_OF_CORRECTION: Final = Refusal(
    RefusalCode.CORRECTION_OF_CORRECTION,
    "data.corrects",
    "a correction cannot be corrected; send a later correction of the fact itself",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact as it arrived. `key` is (source, id) where both could be read. Either `fact` or `refusal` is set.

    The fact has no holders yet: `identities` are the identities that it names, in order. `digests` are keyed hashes of
    the content (type, time, data); keyed, since the content holds an identity. The first is stored. A second is that
    of the other way to write the same content, which earlier versions stored. `source` is set where it could be read.
    """

    key: FactKey | None
    digests: tuple[bytes, ...] = ()
    identities: tuple[Identity, ...] = ()
    fact: AnyFact | None = None
    refusal: Refusal | None = None
    source: str | None = None

    @property
    def named(self) -> tuple[str | None, str | None]:
        """Source and id for the answer, each as far as it could be read."""
        return self.key or (self.source, None)

    @property
    def parsed(self) -> AnyFact:
        """The fact, where it is not refused."""
        assert self.fact is not None
        return self.fact

    @property
    def type(self) -> str:
        """The short name of the fact's type; "other" where it is refused."""
        return "other" if self.fact is None else type_of(self.fact)


class Parser:
    """Reads facts against a region list. It calls `on_rehomed` for every fact whose region code is retired."""

    def __init__(
        self, regions: Catalogue, content_secret: bytes, on_rehomed: Callable[[], None] = lambda: None
    ) -> None:
        self._regions = Regions(Homes(regions, table()), on_rehomed)
        self._hash = hashlib.blake2b(key=content_secret, digest_size=16)

    def reading(self, codes: RegionCodes) -> Parser:
        """Return a parser for a sender whose region codes are of this scheme."""
        parser = copy(self)
        parser._regions = self._regions.reading(codes)
        return parser

    def parse(self, raw: bytes, now: datetime) -> Candidate:
        """Return the candidate in these bytes (one CloudEvent as JSON); `now` bounds its time."""
        document = _json(raw)
        if isinstance(document, dict):
            return self.parse_document(document, now)
        if isinstance(document, Refusal):
            return Candidate(None, refusal=document)
        return Candidate(None, refusal=Refusal(RefusalCode.MALFORMED_JSON, None, "send a JSON object, a CloudEvent"))

    def parse_message(
        self, content_type: str, attributes: Mapping[str, str | bytes | None], body: bytes | None, now: datetime
    ) -> Candidate:
        """Return the candidate in a message of HTTP or Kafka, structured or binary (CloudEvents 1.0).

        `attributes` are those that travel in headers: bytes where they are no UTF-8, None where they are not set.
        """
        is_structured = content_type.lower().lstrip().startswith("application/cloudevents")
        if is_structured or "specversion" not in attributes:
            return self.parse(body or b"", now)
        document: dict[str, Any] = {name: value for name, value in attributes.items() if name != "data"}
        if body is not None:
            document["data"] = data = _json(body)
            if isinstance(data, Refusal):
                key, source = _key(document)
                return Candidate(key, refusal=data, source=source)
        return self.parse_document(document, now)

    def parse_document(self, document: dict[str, Any], now: datetime) -> Candidate:
        """Return the candidate in a decoded CloudEvent; `now` bounds its time. An attribute that is null is not set."""
        if None in document.values():
            document = {name: value for name, value in document.items() if value is not None or name == "data"}
        key, source = _key(document)
        shaped = shape(document, now)
        if isinstance(shaped, list):
            return Candidate(key, refusal=min(shaped, key=_order), source=source)
        refusal = self._judge(shaped)
        if refusal:
            return Candidate(key, self._digests(shaped), refusal=refusal)
        return Candidate(key, self._digests(shaped), _identities(shaped), self._with_region_in_force(_fact(shaped)))

    def _judge(self, shaped: Shaped) -> Refusal | None:
        """Return the first refusal that depends on more than one field, or on the region list."""
        if shaped.replacement:
            refusal = self._judge_one(shaped.replacement)
            if refusal is not None:
                return inside(refusal)
        elif shaped.type != CORRECTED_TYPE:
            return self._judge_one(shaped)
        return CORRECTION_OF_CORRECTION if shaped.data["type"] == CORRECTED else None

    def _judge_one(self, shaped: Shaped) -> Refusal | None:
        data = shaped.data
        region = data.get("region")
        place = None if region is None else self._regions.resolve_region(region)
        local_time = shaped.time.astimezone(zone_of(place) if isinstance(place, str) else WIB)
        return (
            _not_eligible(data, local_time)
            or (place if isinstance(place, Refusal) else None)
            or _paid_too_far(data.get("paid_through"), local_time)
            or _self_link(data)
        )

    def _with_region_in_force(self, fact: AnyFact) -> AnyFact:
        """Return the fact with its region in force. The digest stays that of the content as it was sent."""
        if not isinstance(fact, Correction):
            return self._regions.with_region_in_force(fact)
        if fact.replacement is None:
            return fact
        return replace(fact, replacement=self._regions.with_region_in_force(fact.replacement))

    def _digests(self, shaped: Shaped) -> tuple[bytes, ...]:
        """Return the keyed hash of type, instant and data as sent, with lists as sets.

        An enrolment without groups has that of one where they are left out, then that of one where they are empty.
        """
        data = _content(shaped)
        if shaped.replacement:
            data["replacement"] = {**data["replacement"], "data": _content(shaped.replacement)}
            if "time" in data["replacement"]:
                data["replacement"]["time"] = shaped.replacement.time
        contents = [msgspec.json.encode([shaped.type, shaped.time, data], order="sorted")]
        counts = shaped.replacement or shaped
        if counts.type == _ENROLLED and not counts.data.get("groups"):
            # "groups" is the first of its sorted names, and "identity", which every enrolment has, the second.
            contents.append(contents[0].replace(b'{"identity"', b'{"groups":[],"identity"', 1))
        return tuple(map(self._hashed, contents))

    def _hashed(self, content: bytes) -> bytes:
        keyed = self._hash.copy()
        keyed.update(content)
        return keyed.digest()


def _content(shaped: Shaped) -> dict[str, Any]:
    """Return the data with lists as sorted sets and identities in the form in which they are compared."""
    content = dict(shaped.data)
    for name, value in shaped.data.items():
        if isinstance(value, list):
            content[name] = sorted(set(value))
        elif name in _WHO and value["scheme"] == "passport":
            content[name] = {"scheme": "passport", "value": identity_of(value).value}
    if shaped.type == _ENROLLED and not content.get("groups"):
        content.pop("groups", None)
    return content


def _order(refusal: Refusal) -> tuple[int, str]:
    """Return the sort key. Unknown fields are found in the order in which they were sent, which must not matter."""
    return refusal.code.rank, refusal.field or "" if refusal.code is RefusalCode.UNKNOWN_FIELD else ""


def _key(document: dict[str, Any]) -> tuple[FactKey | None, str | None]:
    """Return (source, id) where both are text, and the source where it is."""
    source, id_ = document.get("source"), document.get("id")
    if not isinstance(source, str):
        return None, None
    return ((source, id_) if isinstance(id_, str) else None), source


def _json(raw: bytes) -> Any:
    """Return the value in these bytes, or the refusal."""
    return TOO_LARGE if len(raw) > contract.MAX_FACT_BYTES else read_json(raw)


def _not_eligible(named: dict[str, Any], local_time: datetime) -> Refusal | None:
    """Return a refusal where the segment of the same fact may not have these programmes."""
    if "segment" not in named or "programmes" not in named:
        return None
    reason = not_eligible(named["segment"], named["programmes"], local_time.date())
    return Refusal(RefusalCode.PROGRAMME_NOT_ELIGIBLE, "data.programmes", reason) if reason else None


def _paid_too_far(paid_through: str | None, local_time: datetime) -> Refusal | None:
    if paid_through is None:
        return None
    ahead = month_number(paid_through) - (local_time.year * 12 + local_time.month - 1)
    if ahead <= FURTHEST_PAID_MONTHS:
        return None
    return Refusal(
        RefusalCode.PAID_THROUGH_OUT_OF_RANGE,
        "data.paid_through",
        f"is {ahead} months after the fact's time; at most {FURTHEST_PAID_MONTHS} are taken",
    )


def _self_link(data: dict[str, Any]) -> Refusal | None:
    if "other" in data and identity_of(data["identity"]) == identity_of(data["other"]):
        return Refusal(RefusalCode.SELF_LINK, "data.other", "is the same identity; a link joins two")
    return None


def _identities(shaped: Shaped) -> tuple[Identity, ...]:
    """Return the identities that the fact, or a correction's replacement, names, in order."""
    data = (shaped.replacement or shaped).data
    return tuple(identity_of(data[name]) for name in _WHO if name in data)


def _fact(shaped: Shaped) -> AnyFact:
    data, replacement = shaped.data, shaped.replacement
    if shaped.type != CORRECTED_TYPE:
        return _fact_or_link(shaped)
    return Correction(
        effective_at=shaped.time,
        source=shaped.source,
        id=shaped.id,
        corrects=data["corrects"],
        type=data["type"],
        replacement=_fact_or_link(replacement) if replacement else None,
        timed="time" in data.get("replacement", ()),
    )


def _fact_or_link(shaped: Shaped) -> FactOrLink:
    """Return the fact or link in an event, with lists as sorted sets."""
    data = shaped.data
    if "other" in data:
        return Link(shaped.time, shaped.source, shaped.id)
    return Fact(
        effective_at=shaped.time,
        type=FactType(shaped.type.split(".")[1]),
        source=shaped.source,
        id=shaped.id,
        region=data.get("region"),
        segment=data.get("segment"),
        groups=_set(data.get("groups")),
        payer=data.get("payer"),
        programmes=_set(data.get("programmes")),
        paid_through=data.get("paid_through"),
    )


def _set(words: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(sorted(set(words)))
