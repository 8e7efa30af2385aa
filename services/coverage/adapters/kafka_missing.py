"""Finds where in a partition the missing changes stand, once they were published again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.coverage.domain.position import Position
from shared.adapters.kafka_access import KafkaAccess
from shared.runtime.errors import PermanentError, TransientError


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
        """Look for the offset from which on no number is missing, up to the greatest that there is."""
        first, expected, missing, beyond = position.next_offset, position.next_seq, False, position.next_seq
        async for offset, seq in self._numbers(at, position.next_offset):
            if missing and seq == position.next_seq:
                first, expected, missing = offset, seq, False
            missing = missing or seq > expected
            expected += seq == expected and not missing
            beyond = max(beyond, seq + 1)
        if expected < beyond:
            raise PermanentError(
                f"partition {at.partition}: seq {expected} is still missing; have the registry publish it and all "
                "that follow it again, then resume"
            )
        return first

    async def _numbers(self, at: TopicPartition, first: int) -> AsyncIterator[tuple[int, int]]:
        """Yield offset and seq of every change that is there now, from an offset on."""
        consumer = AIOKafkaConsumer(**self._access.client_options(), enable_auto_commit=False)
        await consumer.start()
        try:
            end = (await consumer.end_offsets([at]))[at]
            consumer.assign([at])
            consumer.seek(at, first)
            while await consumer.position(at) < end:
                for record in (await consumer.getmany(timeout_ms=1000)).get(at, ()):
                    if (seq := _seq(record.value)) is not None:
                        yield record.offset, seq
        finally:
            await consumer.stop()


def _seq(value: bytes | None) -> int | None:
    """Return the number of a change, None where the record is none: it is set aside, and takes no number."""
    try:
        return msgspec.json.decode(value or b"", type=_Numbered).seq
    except (ValueError, RecursionError):
        return None
