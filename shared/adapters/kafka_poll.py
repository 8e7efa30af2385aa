"""Polls Kafka for records, and finds the record that aiokafka itself cannot read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

FETCH_BYTES: Final = 2 * 1024 * 1024
"""What is read ahead of a partition."""
ANSWER_BYTES: Final = 4 * 1024 * 1024
"""What Kafka answers at once, of all partitions. It is copied in one turn of the event loop: 24 MB took over 20 ms."""
POLL_TIMEOUT_MS: Final = 200
_MAX_RECORDS: Final = 500
"""More at once only makes `getmany` copy more; measured as the best size for replay."""
_GATHER_S: Final = 0.02
"""How long the first records wait for more: one transaction for all partitions costs little more than for one."""

RecordsByPartition = Mapping[int, Sequence[ConsumerRecord]]
"""Records by partition, in order of offset."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that aiokafka cannot decode (a header's name is not UTF-8), and the records `before` it."""

    partition: int
    offset: int
    before: Sequence[ConsumerRecord]
    error: Exception


async def gather(consumer: Any) -> RecordsByPartition:
    """Return the records that Kafka has; if they are few, also those that come within a moment.

    Raises: whatever the client raises; records of other partitions may then have been passed over.
    """
    first = await consumer.getmany(timeout_ms=POLL_TIMEOUT_MS, max_records=_MAX_RECORDS)
    count = sum(map(len, first.values()))
    batches = {at.partition: records for at, records in first.items()}
    if 0 < count < _MAX_RECORDS:
        await asyncio.sleep(_GATHER_S)
        more = await consumer.getmany(timeout_ms=0, max_records=_MAX_RECORDS - count)
        for at, records in more.items():
            batches[at.partition] = [*batches.get(at.partition, ()), *records]
    return batches


async def find_unreadable(consumer: Any, positions: Mapping[TopicPartition, int]) -> Unreadable | None:
    """Return the first record that cannot be read, if there is one; every partition is then back at its position.

    Raises: KafkaError, which is not the fault of a record.
    """
    try:
        for at, offset in positions.items():
            consumer.seek(at, offset)
            if await _is_at_fault(consumer, at):
                consumer.seek(at, offset)
                return await _step_to_fault(consumer, at)
        return None
    finally:
        rewind(consumer, positions)


def rewind(consumer: Any, positions: Mapping[TopicPartition, int]) -> None:
    """Seek every partition back to its position: a poll that fails drops the records of other partitions."""
    for at, offset in positions.items():
        consumer.seek(at, offset)


async def _is_at_fault(consumer: Any, at: TopicPartition) -> bool:
    try:
        await consumer.getmany(at, timeout_ms=POLL_TIMEOUT_MS)
    except KafkaError:
        raise
    except Exception:
        return True
    return False


async def _step_to_fault(consumer: Any, at: TopicPartition) -> Unreadable | None:
    before: list[ConsumerRecord] = []
    while True:
        try:
            answer = await consumer.getmany(at, timeout_ms=POLL_TIMEOUT_MS, max_records=1)
        except KafkaError:
            raise
        except Exception as error:
            return Unreadable(at.partition, await consumer.position(at), before, error)
        if not answer:
            # It did not come in time; the next failing poll searches again.
            return None
        before += answer[at]
