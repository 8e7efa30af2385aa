"""Sets aside records that cannot be read, with the reason, so that the reader can go on."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, get_args

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry, Counter

from shared.adapters.asyncapi import declare_publisher
from shared.contracts.topics import Topic
from shared.runtime.logging import logger

_log = logger(__name__)

_LIKE_AN_IDENTITY: Final = re.compile(rb"\d{11,}")
"""A card has eleven digits, a NIK sixteen. A foreign record may hold one; a dead letter must not (ADR 0008)."""


def without_identities(value: bytes) -> bytes:
    """Return the bytes with every run of eleven or more digits made unreadable, the length kept."""
    return _LIKE_AN_IDENTITY.sub(lambda run: b"#" * len(run.group()), value)


Reason: TypeAlias = Literal["null_value", "not_json", "wrong_schema", "unknown_region"]
"""Why a record cannot be used; a label of the metric."""


class UnusableRecord(Exception):  # noqa: N818 - it is the record's quality
    """A record that its reader cannot use, with the reason for the dead letter."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class DeadLetters:
    """Writes to one dead-letter topic, through a publisher that the service's AsyncAPI document describes."""

    def __init__(self, broker: KafkaBroker, topic: Topic, registry: CollectorRegistry, read: str) -> None:
        """`read` is the topic whose records are set aside."""
        description = (
            "Records that could not be read, as they came, with every long number made unreadable. "
            "Headers: reason, detail, and from, the place of the record."
        )
        self._publisher = declare_publisher(broker, topic, bytes, description)
        self._count = Counter(
            "dead_letters_total", "Records set aside, by topic they came from and reason", ("topic", "reason"),
            registry=registry,
        )  # fmt: skip
        # At 0 from the start: an alert sees a counter rise, but not appear.
        for reason in get_args(Reason):
            self._count.labels(read, reason)
        self._newest: dict[tuple[str, int], int] = {}

    async def put(self, record: ConsumerRecord, why: UnusableRecord) -> bool:
        """Set the record aside, and return once Kafka has acknowledged it; its key there is the place it came from.

        When a batch is tried again, its dead letters are not repeated: False then.
        Raises: TransientError when Kafka does not take it; the caller then applies its batch again.
        """
        partition = (record.topic, record.partition)
        if record.offset <= self._newest.get(partition, -1):
            return False
        place = f"{record.topic}/{record.partition}/{record.offset}"
        headers = {"reason": why.reason, "detail": without_identities(why.detail.encode()).decode(), "from": place}
        value = without_identities(record.value or b"")
        await self._publisher.publish(value, key=place.encode(), partition=0, headers=headers)
        self._newest[partition] = record.offset
        self._count.labels(record.topic, why.reason).inc()
        _log.warning("record set aside", place=place, reason=why.reason)
        return True
