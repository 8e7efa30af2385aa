"""A topic that the ledger is published on anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.registry.audit.ports import Last
from services.registry.relay.kafka import KafkaChangeTopic
from services.registry.relay.ports import Batch
from shared.adapters.kafka_access import KafkaAccess, started
from shared.adapters.kafka_admin import partitions
from shared.adapters.kafka_producer import Producer
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import PermanentError, TransientError

_ANSWERS_WITHIN_S: Final = 10.0


class KafkaReplayTopic:
    """The replay's topic: published as the relay publishes, so every record comes out the same."""

    def __init__(self, access: KafkaAccess, producer: Producer, topic: str) -> None:
        self._access = access
        self._relayed = KafkaChangeTopic(producer, topic)
        self._topic = topic

    async def publish(self, batches: Sequence[Batch]) -> None:
        await self._relayed.publish(batches)

    async def last(self) -> dict[int, Last | None]:
        there = await partitions(self._access)
        if there.get(self._topic) != PARTITIONS:
            found = f"{there[self._topic]} partitions" if self._topic in there else "not there"
            raise PermanentError(f"topic {self._topic}: {found}; it must be there with {PARTITIONS} partitions, empty")
        consumer = AIOKafkaConsumer(**self._access.client_options(), enable_auto_commit=False)
        try:
            await started(consumer.start(), _ANSWERS_WITHIN_S)
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                return await self._last(consumer)
        except (KafkaError, TimeoutError, OSError) as error:
            raise TransientError(f"Kafka at {self._access} does not answer ({type(error).__name__})") from error
        finally:
            await consumer.stop()

    async def _last(self, consumer: AIOKafkaConsumer) -> dict[int, Last | None]:
        places = [TopicPartition(self._topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        last: dict[int, Last | None] = dict.fromkeys(range(PARTITIONS))
        for place in places:
            if ends[place] > begins[place]:
                consumer.seek(place, ends[place] - 1)
                last[place.partition] = self._read(await consumer.getone(place))
        return last

    def _read(self, record: ConsumerRecord) -> Last:
        try:
            seq = msgspec.json.decode(record.value, type=Change).seq
        except (msgspec.MsgspecError, TypeError) as error:
            raise PermanentError(
                f"offset {record.offset} of partition {record.partition} of {self._topic} is no change: begin with an "
                "empty topic"
            ) from error
        return Last(seq, record.value.decode().removeprefix(f'{{"seq":{seq},'))
