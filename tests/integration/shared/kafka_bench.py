"""A topic of two partitions on a real broker, who writes to it and who reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from prometheus_client import CollectorRegistry

from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_batches import Limits, RecordBatch, Sink
from shared.adapters.kafka_partitions import OwnedPartitions, ReaderMetrics
from shared.adapters.kafka_reader import KafkaReader
from shared.contracts.topics import Topic
from shared.runtime.clock import SystemClock
from shared.runtime.tasks import running
from tests.records import Header


class NotText(str):
    """The name of a header that is no UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the bytes that no reader can decode."""
        return b"\xff\xfe"


@dataclass
class Bench:
    """A topic of two partitions, who writes to it and who reads it."""

    access: KafkaAccess
    topic: Topic
    writer: AIOKafkaProducer
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def put(self, partition: int, *values: bytes, headers: tuple[Header, ...] = ()) -> None:
        """Write values to a partition, one after another."""
        for value in values:
            await self.writer.send_and_wait(self.topic.name, value, partition=partition, headers=headers)

    async def put_unreadable(self, partition: int) -> None:
        """Write a record whose header's name the client does not take; only the uncompiled builder writes one."""
        with pytest.MonkeyPatch.context() as patch:
            for module in (producer, message_accumulator):
                patch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
            await self.put(partition, b"bad", headers=((NotText("n"), b""),))

    @asynccontextmanager
    async def reader(self, sink: Sink[RecordBatch], limits: Limits) -> AsyncIterator[KafkaReader[RecordBatch]]:
        """Run a reader for the block."""
        self.metrics, clock = CollectorRegistry(), SystemClock()
        owned = OwnedPartitions(self.topic.name, clock, ReaderMetrics(self.metrics))
        reader = KafkaReader(
            self.access.broker(), owned, f"{self.topic.name}.group", "replica-0", sink, clock, limits=limits,
            reset="earliest",
        )  # fmt: skip
        async with running(reader.run()):
            yield reader

    async def end(self, partition: int) -> int:
        """Return the offset after the last record of a partition."""
        reader = AIOKafkaConsumer(**self.access.client_options())
        await reader.start()
        at = TopicPartition(self.topic.name, partition)
        offset = int((await reader.end_offsets([at]))[at])
        await reader.stop()
        return offset

    def lag(self, partition: int) -> float | None:
        """Return the lag that the metrics show for a partition."""
        labels = {"topic": self.topic.name, "partition": str(partition)}
        return self.metrics.get_sample_value("kafka_lag_records", labels)
