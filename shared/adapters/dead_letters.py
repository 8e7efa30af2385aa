"""Sets aside records that cannot be read, with the reason, so that the reader can go on."""

from __future__ import annotations

import re
from typing import Final

from aiokafka import ConsumerRecord
from prometheus_client import CollectorRegistry, Counter

from shared.adapters.kafka_producer import Producer, Record
from shared.contracts.topics import Topic
from shared.runtime.logging import logger

_log = logger(__name__)

_LIKE_AN_IDENTITY: Final = re.compile(rb"\d{11,}")
"""Eleven digits are a card, sixteen a NIK. A foreign record may hold one, and a dead letter must not (ADR 0008)."""


def without_identities(value: bytes) -> bytes:
    """Return the bytes with every run of eleven or more digits made unreadable, the length kept."""
    return _LIKE_AN_IDENTITY.sub(lambda run: b"#" * len(run.group()), value)


class DeadLetters:
    """Writes to one dead-letter topic."""

    def __init__(self, producer: Producer, topic: Topic, registry: CollectorRegistry) -> None:
        self._producer = producer
        self._topic = topic
        self._count = Counter(
            "dead_letters_total", "Records set aside, by topic they came from and reason", ("topic", "reason"),
            registry=registry,
        )  # fmt: skip

    async def put(self, record: ConsumerRecord, reason: str, detail: str) -> None:
        """Return once the record is set aside; its key there is the place it came from.

        Raises: TransientError when Kafka does not take it; the caller then applies its batch again.
        """
        place = f"{record.topic}/{record.partition}/{record.offset}"
        headers = (
            ("reason", reason.encode()),
            ("detail", without_identities(detail.encode())),
            ("from", place.encode()),
        )
        value = without_identities(record.value or b"")
        await self._producer.publish(self._topic.name, [Record(0, place.encode(), value, headers)])
        self._count.labels(record.topic, reason).inc()
        _log.warning("record set aside", place=place, reason=reason)
