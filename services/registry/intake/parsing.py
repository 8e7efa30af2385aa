"""Turns a stranger's bytes into a candidate: a fact, or the first refusal that fits (semantics.md, "Refused")."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from copy import copy
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
from services.registry.identity.identity import Identity
from services.registry.identity.refusals import read_json
from services.registry.intake.regions import RegionCodes, Regions
from services.registry.intake.shape import Shaped, inside, shape, usual
from shared.contracts import facts as contract
from shared.contracts.fact_structs import Said, SaidIdentity, converted, decoded
from shared.regions.catalogue import Catalogue
from shared.regions.codes import WIB, zone_of
from shared.regions.successors import Homes, table
from shared.values import value

FURTHEST_PAID_MONTHS: Final = 24
"""semantics.md, `paid_through_out_of_range`."""


_TYPES: Final = {f"cakupan.{type_}.v1": type_ for type_ in FactType}
_ENROLLED: Final = "cakupan.enrolled.v1"
TOO_LARGE: Final = Refusal(RefusalCode.TOO_LARGE, None, f"a fact has at most {contract.MAX_FACT_BYTES} bytes")
CORRECTION_OF_CORRECTION: Final = Refusal(
    RefusalCode.CORRECTION_OF_CORRECTION,
    "data.corrects",
    "a correction cannot be corrected; send a later correction of the fact itself",
)


@value(frozen=True, slots=True)
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
        if len(raw) > contract.MAX_FACT_BYTES:
            return Candidate(None, refusal=TOO_LARGE)
        event = decoded(raw)
        shaped = event and usual(event, now)
        if shaped:
            return self._candidate(shaped)
        document = read_json(raw)
        if isinstance(document, dict):
            return self._carefully(document, now)
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
        event = converted(document)
        shaped = event and usual(event, now)
        return self._candidate(shaped) if shaped else self._carefully(document, now)

    def _carefully(self, document: dict[str, Any], now: datetime) -> Candidate:
        """Return the candidate, or the first of all refusals that fit."""
        if None in document.values():
            document = {name: value for name, value in document.items() if value is not None or name == "data"}
        shaped = shape(document, now)
        if isinstance(shaped, list):
            key, source = _key(document)
            return Candidate(key, refusal=min(shaped, key=_order), source=source)
        return self._candidate(shaped)

    def _candidate(self, shaped: Shaped) -> Candidate:
        key = shaped.source, shaped.id
        place = self._judge(shaped)
        if isinstance(place, Refusal):
            return Candidate(key, self._digests(shaped), refusal=place)
        return Candidate(key, self._digests(shaped), _identities(shaped.in_force), _fact(shaped, place))

    def _judge(self, shaped: Shaped) -> str | Refusal | None:
        """Return the region in force, None where the fact names none.

        Or the first refusal that depends on more than one field, or on the region list.
        """
        if shaped.said:
            return self._judge_one(shaped, shaped.said)
        if shaped.replacement and shaped.replacement.said:
            place = self._judge_one(shaped.replacement, shaped.replacement.said)
            return inside(place) if isinstance(place, Refusal) else place
        return CORRECTION_OF_CORRECTION if shaped.data and shaped.data["type"] == CORRECTED else None

    def _judge_one(self, shaped: Shaped, said: Said) -> str | Refusal | None:
        place = None if said.region is None else self._regions.resolve_region(said.region)
        local_time = shaped.time.astimezone(zone_of(place) if isinstance(place, str) else WIB)
        refusal = (
            _not_eligible(said, local_time)
            or (place if isinstance(place, Refusal) else None)
            or _paid_too_far(said.paid_through, local_time)
            or _self_link(said)
        )
        if refusal is None and place != said.region:
            self._regions.rehomed()
        return refusal or place

    def _digests(self, shaped: Shaped) -> tuple[bytes, ...]:
        """Return the keyed hash of type, instant and what the fact says, its names sorted.

        An enrolment without groups has that of one where they are left out, then that of one where they are empty.
        """
        first = msgspec.json.encode((shaped.type, shaped.time, shaped.said or _corrected(shaped)))
        counts = shaped.replacement or shaped
        if counts.type != _ENROLLED or (counts.said and counts.said.groups):
            return (self._hashed(first),)
        # "groups" is the first of its sorted names, and "identity", which every enrolment has, the second.
        return self._hashed(first), self._hashed(first.replace(b'{"identity"', b'{"groups":[],"identity"', 1))

    def _hashed(self, content: bytes) -> bytes:
        keyed = self._hash.copy()
        keyed.update(content)
        return keyed.digest()


def _corrected(shaped: Shaped) -> msgspec.Raw:
    """Return the data of a correction, with what it puts in the place of another fact in the form for comparison."""
    data = dict(shaped.data or {})
    if shaped.replacement:
        data["replacement"] = {**data["replacement"], "data": shaped.replacement.said}
        if "time" in data["replacement"]:
            data["replacement"]["time"] = shaped.replacement.time
    return msgspec.Raw(msgspec.json.encode(data, order="sorted"))


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


def _not_eligible(said: Said, local_time: datetime) -> Refusal | None:
    """Return a refusal where the segment of the same fact may not have these programmes."""
    if said.segment is None or said.programmes is None:
        return None
    reason = not_eligible(said.segment, said.programmes, local_time.date())
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


def _self_link(said: Said) -> Refusal | None:
    if said.other and _identity(said.identity) == _identity(said.other):
        return Refusal(RefusalCode.SELF_LINK, "data.other", "is the same identity; a link joins two")
    return None


def _identities(said: Said | None) -> tuple[Identity, ...]:
    """Return the identities that the fact, or a correction's replacement, names, in order."""
    if said is None:
        return ()
    who = _identity(said.identity)
    return (who, _identity(said.other)) if said.other else (who,)


def _identity(said: SaidIdentity) -> Identity:
    return Identity(said.scheme, said.value)


def _fact(shaped: Shaped, place: str | None) -> AnyFact:
    """Return the fact with its region in force. The digest stays that of the content as it was sent."""
    if shaped.said:
        return _fact_or_link(shaped, shaped.said, place)
    data, replacement = shaped.data or {}, shaped.replacement
    return Correction(
        effective_at=shaped.time,
        source=shaped.source,
        id=shaped.id,
        corrects=data["corrects"],
        type=data["type"],
        replacement=_fact_or_link(replacement, replacement.said, place) if replacement and replacement.said else None,
        timed="time" in data.get("replacement", ()),
    )


def _fact_or_link(shaped: Shaped, said: Said, place: str | None) -> FactOrLink:
    if said.other:
        return Link(shaped.time, shaped.source, shaped.id)
    return Fact(
        effective_at=shaped.time,
        type=_TYPES[shaped.type],
        source=shaped.source,
        id=shaped.id,
        region=place,
        segment=said.segment,
        groups=said.groups,
        payer=said.payer,
        programmes=said.programmes,
        paid_through=said.paid_through,
    )
