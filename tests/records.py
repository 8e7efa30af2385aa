"""Kafka records that carry facts, as a sender writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord

Header = tuple[str, bytes | None]

STRUCTURED: list[Header] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
TOPIC = "enrollment.facts.v1"


def record(
    value: bytes | None, headers: Sequence[Header] = (), *, partition: int = 0, offset: int = 0
) -> ConsumerRecord:
    """Return a record as the reader gives it."""
    size = -1 if value is None else len(value)
    return ConsumerRecord(TOPIC, partition, offset, 0, 0, None, value, None, -1, size, tuple(headers))


def binary(event: dict[str, Any]) -> tuple[bytes, list[Header]]:
    """Return the value and headers of the event in binary mode; attributes that are no text stay out."""
    headers: list[Header] = [
        (f"ce_{name}", value.encode()) for name, value in event.items() if name != "data" and isinstance(value, str)
    ]
    return json.dumps(event["data"]).encode(), [("content-type", b"application/json"), *headers]
