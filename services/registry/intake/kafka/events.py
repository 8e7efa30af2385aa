"""Reads a fact from a Kafka record, structured or binary (CloudEvents 1.0.2, Kafka protocol binding)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiokafka import ConsumerRecord

from services.registry.intake.parsing import Candidate, Parser

_PREFIX: Final = "ce_"


def candidate_of(record: ConsumerRecord, parser: Parser, now: datetime) -> Candidate:
    """Return the candidate in a record. A record that is no fact gives a candidate that is refused.

    A record without CloudEvents headers is read as a structured event, so that tools that write lines of JSON suffice.
    """
    headers: dict[str, bytes | None] = {name.lower(): value for name, value in record.headers}
    attributes = {name.removeprefix(_PREFIX): _text(value) for name, value in headers.items() if name[:3] == _PREFIX}
    content_type = (headers.get("content-type") or b"").decode("latin-1")
    return parser.parse_message(content_type, attributes, record.value, now)


def traceparent_of(record: ConsumerRecord) -> str | None:
    """Return the sender's trace, if there is one."""
    trace = _text(dict(record.headers).get("traceparent"))
    return trace if isinstance(trace, str) else None


def _text(value: bytes | None) -> str | bytes | None:
    """Return the text, or the bytes where they are no UTF-8."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value
