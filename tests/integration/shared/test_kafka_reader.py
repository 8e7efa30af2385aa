"""The reader on a real broker: where it begins and goes on, and what it does with what nobody can take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from prometheus_client import CollectorRegistry

from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_poll import Batches
from shared.adapters.kafka_reader import Metrics, PartitionReader
from shared.contracts.topics import Topic
from shared.runtime.clock import SystemClock
from shared.runtime.tasks import running
from tests.records import Header
from tests.waiting import eventually


@dataclass
class Taker:
    """A sink that keeps the values; Kafka keeps its positions. `on_apply` may raise."""

    taken: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})
    on_apply: Callable[[Batches], None] = lambda _batches: None

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Leave the positions to Kafka."""
        return {}

    async def apply(self, batches: Batches) -> None:
        """Keep the values."""
        self.on_apply(batches)
        for partition, records in batches.items():
            self.taken[partition] += [record.value for record in records]


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

    @asynccontextmanager
    async def reader(self, sink: Taker) -> AsyncIterator[PartitionReader]:
        """Run a reader for the block."""
        self.metrics = CollectorRegistry()
        reader = PartitionReader(
            self.access.broker(), self.topic, f"{self.topic.name}.group", "replica-0", sink, SystemClock(),
            Metrics.on(self.metrics), reset="earliest", description="",
        )  # fmt: skip
        async with running(reader.run()):
            yield reader

    def lag(self, partition: int) -> float | None:
        """Return the lag that is told of a partition."""
        labels = {"topic": self.topic.name, "partition": str(partition)}
        return self.metrics.get_sample_value("kafka_lag_records", labels)


@pytest.fixture
async def bench(kafka_bootstrap: str, namespace: str) -> AsyncIterator[Bench]:
    """A topic of this test's own."""
    access, topic = KafkaAccess(kafka_bootstrap), Topic(f"{namespace}read", key="none", partitions=2)
    await ensure_topics(access, [topic])
    writer = AIOKafkaProducer(**access.client_options())
    await writer.start()
    yield Bench(access, topic, writer)
    await writer.stop()


async def test_a_restart_goes_on_after_what_was_applied_and_knows_its_lag_before_the_first_record(bench: Bench) -> None:
    """On the way out the offsets are committed; a level partition is level though nothing came since."""
    await bench.put(0, b"a", b"b")
    first = Taker()

    async def has_both() -> bool:
        return first.taken[0] == [b"a", b"b"]

    async with bench.reader(first):
        await eventually(has_both)
    second = Taker()

    async def is_level() -> bool:
        return bench.lag(0) == 0 and await reader.trouble() is None

    async def has_the_new_one() -> bool:
        return second.taken[0] == [b"c"]

    async with bench.reader(second) as reader:
        await eventually(is_level)
        assert second.taken[0] == []
        await bench.put(0, b"c")
        await eventually(has_the_new_one)


async def test_a_defect_stops_the_partition_that_meets_it_and_tells_no_value(bench: Bench) -> None:
    """The process lives, the other partition goes on, and the reason names the place, not the error's words."""

    def stumble(batches: Batches) -> None:
        if 0 in batches:
            raise KeyError("1101014101900001")

    sink = Taker(on_apply=stumble)
    await bench.put(0, b"x")
    await bench.put(1, b"y")
    async with bench.reader(sink) as reader:

        async def stopped() -> str:
            assert sink.taken[1] == [b"y"]
            trouble = await reader.trouble()
            assert trouble is not None
            return trouble

        trouble = await eventually(stopped)
    assert "partition 0" in trouble
    assert "a defect of ours: KeyError at test_kafka_reader.py:" in trouble
    assert "1101014101900001" not in trouble


async def test_a_record_that_the_client_cannot_read_holds_up_its_partition_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands before it is applied, its offset is told, and nothing of the other partition is passed over."""
    for module in (producer, message_accumulator):
        # The compiled builder takes nothing but text.
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    await bench.put(1, b"a", b"b")
    await bench.put(1, b"bad", headers=((NotText("n"), b""),))
    await bench.put(0, b"x")
    await bench.put(1, b"c")
    sink = Taker()
    async with bench.reader(sink) as reader:

        async def stopped() -> bool:
            return "offset 2 cannot be read (UnicodeDecodeError)" in (await reader.trouble() or "")

        async def goes_on() -> bool:
            return sink.taken == {0: [b"x", b"z"], 1: [b"a", b"b"]}

        await eventually(stopped)
        await bench.put(0, b"z")
        await eventually(goes_on)
