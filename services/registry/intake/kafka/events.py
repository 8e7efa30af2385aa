"""Reads a fact from a Kafka record, structured or binary (CloudEvents 1.0.2, Kafka protocol binding)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aiokafka import ConsumerRecord
from pydantic_core import from_json

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.intake.parsing import Candidate, Parser
from shared.contracts import facts as contract

_PREFIX: Final = "ce_"
_STRUCTURED: Final = b"application/cloudevents"
_TOO_LARGE: Final = Refusal(RefusalCode.TOO_LARGE, None, f"a fact has at most {contract.MAX_FACT_BYTES} bytes")
_MALFORMED: Final = Refusal(RefusalCode.MALFORMED_JSON, "data", "send the data as JSON, in UTF-8")

Headers = Mapping[str, bytes | None]


def candidate_of(record: ConsumerRecord, parser: Parser, now: datetime) -> Candidate:
    """Return the candidate in a record. A record that is no fact gives a candidate that is refused.

    A record without CloudEvents headers is read as a structured event, so that tools that write lines of JSON suffice.
    """
    headers: dict[str, bytes | None] = {name.lower(): value for name, value in record.headers}
    if _is_binary(headers):
        return _binary(headers, record.value, parser, now)
    return parser.parse(record.value or b"", now)


def traceparent_of(record: ConsumerRecord) -> str | None:
    """Return the sender's trace, if there is one."""
    return _text(dict(record.headers).get("traceparent"))


def _is_binary(headers: Headers) -> bool:
    """Say whether the attributes travel in headers and the value is the data alone."""
    media_type = headers.get("content-type") or b""
    return f"{_PREFIX}specversion" in headers and not media_type.lower().startswith(_STRUCTURED)


def _binary(headers: Headers, value: bytes | None, parser: Parser, now: datetime) -> Candidate:
    document = _attributes(headers)
    source, id_ = document.get("source"), document.get("id")
    key = (source, id_) if isinstance(source, str) and isinstance(id_, str) else None
    if value is None:
        return parser.parse_document(document, now)
    if len(value) > contract.MAX_FACT_BYTES:
        return Candidate(key, refusal=_TOO_LARGE)
    try:
        return parser.parse_document(document | {"data": from_json(value, allow_inf_nan=False)}, now)
    except ValueError:
        return Candidate(key, refusal=_MALFORMED)


def _attributes(headers: Headers) -> dict[str, Any]:
    """Return the attributes. One that is no text becomes null, and is so refused as malformed."""
    named = {name.removeprefix(_PREFIX): _text(value) for name, value in headers.items() if name.startswith(_PREFIX)}
    named.pop("data", None)
    return named


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
