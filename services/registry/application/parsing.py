"""From a stranger's bytes to a fact that may be decided on, or to the first refusal that fits.

The shape is Pydantic's to check (`shared/contracts/facts.py`); the order of the codes is ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from services.registry.domain.eligibility import not_eligible
from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.domain.facts import Fact, FactType
from services.registry.domain.months import month_number
from shared.contracts import facts as contract
from shared.regions.catalogue import Catalogue
from shared.regions.codes import NATION, WIB, level_of, zone_of

FURTHEST_PAID_MONTHS: Final = 24
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,64}", re.ASCII)
_LIKE_AN_IDENTITY: Final = re.compile(r"\d{11,}")
_LONGEST_SHOWN: Final = 64
_UNKNOWN_WORD: Final = {
    "scheme": RefusalCode.UNKNOWN_SCHEME,
    "segment": RefusalCode.UNKNOWN_SEGMENT,
    "groups": RefusalCode.UNKNOWN_GROUP,
    "payer": RefusalCode.UNKNOWN_PAYER,
    "programmes": RefusalCode.UNKNOWN_PROGRAMME,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a fact is about, as it is looked up; never logged, never stored in clear."""

    scheme: str
    value: str

    def __repr__(self) -> str:
        return f"Identity({self.scheme})"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact as it arrived: `key` is (source, id) where these could be read; exactly one of fact and refusal is set.

    `digest` stands for the content (type, time, data) and is keyed, since the content holds an identity.
    """

    key: tuple[str, str] | None
    digest: bytes = b""
    identity: Identity | None = None
    fact: Fact | None = None
    refusal: Refusal | None = None


class Parser:
    """Reads facts against a region list."""

    def __init__(self, regions: Catalogue, content_secret: bytes) -> None:
        self._regions = regions
        self._secret = content_secret

    def parse(self, raw: bytes, now: datetime) -> Candidate:
        """Return the candidate that these bytes (one CloudEvent, JSON) make at this moment."""
        if len(raw) > contract.MAX_FACT_BYTES:
            return _refused(None, RefusalCode.TOO_LARGE, None, f"a fact has at most {contract.MAX_FACT_BYTES} bytes")
        try:
            document = from_json(raw, allow_inf_nan=False)
        except ValueError:
            return _refused(None, RefusalCode.MALFORMED_JSON, None, "send one JSON object, in UTF-8")
        if not isinstance(document, dict):
            return _refused(None, RefusalCode.MALFORMED_JSON, None, "send a JSON object, a CloudEvent")
        return self.parse_document(document, now)

    def parse_document(self, document: dict[str, Any], now: datetime) -> Candidate:
        """Return the candidate that a decoded CloudEvent makes at this moment."""
        key = _key(document)
        type_ = document.get("type")
        if isinstance(type_, str) and type_ not in contract.TYPES:
            detail = f"{shown(type_)} is not taken; send one of {', '.join(contract.TYPES)}"
            return _refused(key, RefusalCode.UNKNOWN_TYPE, "type", detail)
        model = contract.TYPES.get(type_, contract.Envelope) if isinstance(type_, str) else contract.Envelope
        refusals = [*_extension_refusals(document), *_nothing_reclassified(document)]
        try:
            event = model.model_validate(document, context={"now": now})
        except ValidationError as error:
            refusals += [_as_refusal(wrong) for wrong in error.errors(include_url=False)]
        if refusals:
            return Candidate(key, refusal=min(refusals, key=lambda refusal: refusal.code.rank))
        assert isinstance(event, contract.Fact)
        refusal = self._judge(event)
        if refusal:
            return Candidate(key, self._digest(event), refusal=refusal)
        who = event.data.identity
        return Candidate(key, self._digest(event), Identity(who.scheme, who.canonical), _translated(event))

    def _judge(self, event: contract.Fact) -> Refusal | None:
        """Return the first refusal that needs more than one field, or the region list."""
        named = event.data.model_dump(include={"region", "segment", "programmes", "paid_through"}, exclude_unset=True)
        region = named.get("region")
        zone = zone_of(region) if region else WIB
        local_time = event.time.astimezone(zone)
        return (
            _not_eligible(named, local_time)
            or self._no_place(region)
            or _paid_too_far(named.get("paid_through"), local_time)
        )

    def _no_place(self, region: str | None) -> Refusal | None:
        if region is None or self._is_place(region):
            return None
        return Refusal(
            RefusalCode.UNKNOWN_REGION,
            "data.region",
            f"{shown(region)} is not a regency, district or village of the Kemendagri list in force; "
            "send its code with dots (BPS codes are another scheme)",
        )

    def _is_place(self, region: str) -> bool:
        return region != NATION and region in self._regions and level_of(region) != "province"

    def _digest(self, event: contract.Fact) -> bytes:
        """Return the keyed hash of the content: type, instant and data as sent, lists as sets."""
        data = event.data.model_dump(exclude_unset=True)
        data["identity"]["value"] = event.data.identity.canonical
        for name, value in data.items():
            if isinstance(value, list):
                data[name] = sorted(set(value))
        content = msgspec.json.encode([event.type, event.time, data], order="sorted")
        return hashlib.blake2b(content, key=self._secret, digest_size=16).digest()


def _key(document: dict[str, Any]) -> tuple[str, str] | None:
    source, id_ = document.get("source"), document.get("id")
    return (source, id_) if isinstance(source, str) and isinstance(id_, str) else None


def _refused(key: tuple[str, str] | None, code: RefusalCode, field: str | None, detail: str) -> Candidate:
    return Candidate(key, refusal=Refusal(code, field, detail))


def _extension_refusals(document: dict[str, Any]) -> Iterator[Refusal]:
    for name, value in document.items():
        if name in contract.Envelope.model_fields:
            continue
        if not _EXTENSION.fullmatch(name):
            detail = "is no CloudEvents attribute; leave it out (extensions have small letters and digits only)"
            yield Refusal(RefusalCode.UNKNOWN_FIELD, shown(name), detail)
        elif not isinstance(value, (str, int)):
            yield Refusal(RefusalCode.MALFORMED_FIELD, name, "an extension is a string, a whole number or a boolean")


def _as_refusal(wrong: ErrorDetails) -> Refusal:
    """Return our refusal for one of Pydantic's errors; the value seen is told only where it cannot be personal."""
    path = [part for part in wrong["loc"] if part not in contract.TYPES]
    field = ".".join(map(shown, path))
    if wrong["type"] == "missing":
        return Refusal(RefusalCode.MISSING_FIELD, field, "is required; send it")
    if wrong["type"] == "extra_forbidden":
        return Refusal(RefusalCode.UNKNOWN_FIELD, field, "is not a field of this fact; leave it out")
    if wrong["type"] == "literal_error" and isinstance(wrong["input"], str):
        name = next((part for part in reversed(path) if isinstance(part, str)), "")
        expected = wrong.get("ctx", {}).get("expected", "")
        code = _UNKNOWN_WORD.get(name, RefusalCode.MALFORMED_FIELD)
        return Refusal(code, field, f"{shown(wrong['input'])} is not known; send one of {expected}")
    code = RefusalCode(wrong["type"]) if wrong["type"] in set(RefusalCode) else RefusalCode.MALFORMED_FIELD
    return Refusal(code, field, wrong["msg"] + _seen(path, wrong["input"]))


def _seen(path: Sequence[object], value: object) -> str:
    """Return the value for the answer; none of an identity, and no structure that might hold one."""
    if "identity" in path or isinstance(value, (dict, list)):
        return ""
    return f"; saw {json.dumps(shown(value)) if isinstance(value, str) else json.dumps(value)}"


def _nothing_reclassified(document: dict[str, Any]) -> Iterator[Refusal]:
    data = document.get("data")
    if document.get("type") == "cakupan.reclassified.v1" and isinstance(data, dict):
        names = contract.RECLASSIFIABLE
        if not any(name in data for name in names):
            yield Refusal(RefusalCode.MISSING_FIELD, "data.segment", f"name at least one of {', '.join(names)}")


def _not_eligible(named: dict[str, Any], local_time: datetime) -> Refusal | None:
    """Return the refusal of programmes that the segment beside them may not hold."""
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
        f"{paid_through} is {ahead} months after the fact's time; at most {FURTHEST_PAID_MONTHS} are taken",
    )


def _translated(event: contract.Fact) -> Fact:
    """Return the domain's fact: what the event names, lists as sorted sets."""
    named = event.data.model_dump(exclude={"identity", "reason"}, exclude_unset=True)
    values: dict[str, Any] = {name: _set(value) if isinstance(value, list) else value for name, value in named.items()}
    return Fact(event.time, FactType(event.type.split(".")[1]), event.source, event.id, **values)


def _set(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def shown(value: object) -> str:
    """Return a value as it may stand in an answer: short, and without anything that looks like an identity."""
    text = _LIKE_AN_IDENTITY.sub("[digits]", str(value))
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
