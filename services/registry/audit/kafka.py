"""A topic that the ledger is published on anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from aiokafka import ConsumerRecord

from services.registry.audit.ports import Last
from services.registry.relay.kafka import KafkaChangeTopic, last_records
from services.registry.relay.ports import Batch
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import partitions
from shared.adapters.kafka_producer import Producer
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import PermanentError


class KafkaReplayTopic:
    """The replay's topic: published as the relay publishes, so every record comes out the same."""

    def __init__(self, access: KafkaAccess, producer: Producer, topic: str) -> None:
        self._access = access
        self._relayed = KafkaChangeTopic(access, producer, topic)
        self._topic = topic

    async def publish(self, batches: Sequence[Batch]) -> None:
        await self._relayed.publish(batches)

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        return await self._relayed.ends(partitions)

    async def last(self) -> dict[int, Last | None]:
        there = await partitions(self._access)
        if there.get(self._topic) != PARTITIONS:
            found = f"{there[self._topic]} partitions" if self._topic in there else "not there"
            raise PermanentError(f"topic {self._topic}: {found}; it must be there with {PARTITIONS} partitions, empty")
        last = await last_records(self._access, self._topic, range(PARTITIONS))
        return {partition: None if record is None else self._read(record) for partition, record in last.items()}

    def _read(self, record: ConsumerRecord) -> Last:
        try:
            seq = msgspec.json.decode(record.value, type=Change).seq
        except (msgspec.MsgspecError, TypeError) as error:
            raise PermanentError(
                f"offset {record.offset} of partition {record.partition} of {self._topic} is no change: begin with an "
                "empty topic"
            ) from error
        return Last(seq, record.value.decode().removeprefix(f'{{"seq":{seq},'))
