"""Finds where in a partition the missing changes stand, once they were published again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.coverage.counting.domain.position import Position
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_start import started
from shared.runtime.errors import PermanentError, TransientError

_ANSWERS_WITHIN_S: Final = 10.0


class _Numbered(msgspec.Struct):
    seq: int


class KafkaChanges:
    """The topic of changes, read apart from the consumer group."""

    def __init__(self, access: KafkaAccess, topic: str) -> None:
        self._access = access
        self._topic = topic

    async def offset_of(self, partition: int, position: Position) -> int:
        """See the port."""
        try:
            return await self._find(TopicPartition(self._topic, partition), position)
        except (KafkaError, OSError) as error:
            raise TransientError(f"Kafka does not give {self._topic} ({type(error).__name__}); is it up?") from error

    async def _find(self, at: TopicPartition, position: Position) -> int:
        """Look from the position on, then in the whole topic: one made anew has other offsets."""
        consumer = AIOKafkaConsumer(**self._access.client_options(), enable_auto_commit=False)
        await started(consumer.start(), _ANSWERS_WITHIN_S)
        try:
            first, end = (await consumer.beginning_offsets([at]))[at], (await consumer.end_offsets([at]))[at]
            found = None
            if first <= position.next_offset <= end:
                found = await _look(consumer, at, (position.next_offset, end), position.next_seq)
            if found is None or found.missing is not None:
                found = await _look(consumer, at, (first, end), position.next_seq)
        finally:
            await consumer.stop()
        if found.missing is not None:
            raise PermanentError(
                f"partition {at.partition}: seq {found.missing} is still missing; have the registry publish it and "
                "all that follow it again, then resume"
            )
        return found.offset


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the numbers begin, and the first that is missing, up to the greatest that there is."""

    offset: int
    missing: int | None


async def _look(consumer: AIOKafkaConsumer, at: TopicPartition, among: tuple[int, int], seq: int) -> _Found:
    """Look among the offsets for the one from which on no number from `seq` is missing."""
    first, expected, missing, beyond = among[0], seq, False, seq
    async for offset, seen in _numbers(consumer, at, *among):
        if missing and seen == seq:
            first, expected, missing = offset, seq, False
        missing = missing or seen > expected
        expected += seen == expected and not missing
        beyond = max(beyond, seen + 1)
    return _Found(first, expected if expected < beyond else None)


async def _numbers(
    consumer: AIOKafkaConsumer, at: TopicPartition, first: int, end: int
) -> AsyncIterator[tuple[int, int]]:
    """Yield offset and seq of every change between the offsets."""
    consumer.assign([at])
    consumer.seek(at, first)
    while await consumer.position(at) < end:
        for record in (await consumer.getmany(timeout_ms=1000)).get(at, ()):
            if (seq := _seq(record.value)) is not None:
                yield record.offset, seq


def _seq(value: bytes | None) -> int | None:
    """Return the number of a change, None where the record is none: it is set aside, and takes no number."""
    try:
        return msgspec.json.decode(value or b"", type=_Numbered).seq
    except (ValueError, RecursionError):
        return None
