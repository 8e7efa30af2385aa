"""The reader on a real broker: where it begins and goes on, and which partition an error holds up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from aiokafka import ConsumerRecord

from shared.adapters.kafka_batches import GROWING, ONE_AT_A_TIME, Buffered, Limits, RecordBatch
from shared.adapters.kafka_poll import RecordsByPartition
from shared.adapters.kafka_reader import KafkaReader
from shared.runtime.errors import FencedError, TransientError
from tests.integration.shared.kafka_bench import Bench
from tests.waiting import eventually

both_limits = pytest.mark.parametrize("limits", [ONE_AT_A_TIME, GROWING], ids=["one at a time", "growing"])


@dataclass
class Keeper:
    """Keeps values and positions; Kafka keeps those that are not in `positions`. `on_apply` may raise."""

    positions: dict[int, int] = field(default_factory=dict)
    on_apply: Callable[[RecordsByPartition], None] = lambda _batches: None
    kept: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Begin after what is kept."""
        return {partition: self.positions[partition] for partition in partitions if partition in self.positions}

    async def apply(self, batches: RecordsByPartition) -> None:
        """Keep the values where they come next."""
        self.on_apply(batches)
        for partition, records in batches.items():
            assert records[0].offset == self.positions.get(partition, records[0].offset)
            self.kept[partition] += [record.value for record in records]
            self.positions[partition] = records[-1].offset + 1

    async def has(self, *kept: list[bytes]) -> bool:
        """Say whether just these values are kept, by partition."""
        return list(self.kept.values()) == list(kept)


@both_limits
async def test_a_restart_goes_on_after_what_was_applied_and_knows_its_lag_before_the_first_record(
    bench: Bench, limits: Limits
) -> None:
    """On the way out the offsets are committed; a partition that is caught up shows it though nothing came since."""
    await bench.put(0, b"a", b"b")
    first, second = Keeper(), Keeper()
    async with bench.reader(Buffered(first), limits):
        await eventually(lambda: first.has([b"a", b"b"], []))

    async with bench.reader(Buffered(second), limits) as reader:

        async def caught_up() -> bool:
            return bench.lag(0) == 0 and await reader.trouble() is None

        await eventually(caught_up)
        assert await second.has([], [])
        await bench.put(0, b"c")
        await eventually(lambda: second.has([b"c"], []))


def first_times(error: Exception, times: int) -> Callable[[RecordsByPartition], None]:
    """Return what raises the error the first times that partition 0 is applied."""
    left = [error] * times

    def stumble(batches: RecordsByPartition) -> None:
        if left and 0 in batches:
            raise left.pop()

    return stumble


@both_limits
@pytest.mark.parametrize("error", [TransientError("away"), FencedError("ahead")])
async def test_a_batch_is_tried_again_or_read_anew_until_all_is_kept_once(
    bench: Bench, limits: Limits, error: Exception
) -> None:
    """After a passing error the same is given again; where another replica was ahead, positions are read again."""
    await bench.put(0, b"a", b"b")
    await bench.put(1, b"c")
    sink = Keeper({0: 0, 1: 0}, first_times(error, 2))
    async with bench.reader(Buffered(sink), limits) as reader:
        await bench.put(0, b"d")
        await eventually(lambda: sink.has([b"a", b"b", b"d"], [b"c"]))
        assert await reader.trouble() is None


async def stopped(reader: KafkaReader[RecordBatch]) -> str:
    """Return why the reader has stopped a partition."""
    trouble = await reader.trouble()
    assert trouble is not None
    assert "is stopped" in trouble
    return trouble


def defect(met: object) -> None:
    """Meet a defect of ours with partition 0, whose words quote a record."""
    if met == 0 or (isinstance(met, Mapping) and 0 in met):
        raise KeyError("1101014101900001")


class Stumbling(Buffered):
    """Meets the defect already when it takes the records."""

    def take(self, batch: RecordBatch, records: Sequence[ConsumerRecord]) -> None:
        """See `Sink`."""
        defect(batch.partition)
        super().take(batch, records)


@both_limits
@pytest.mark.parametrize("kind", [Buffered, Stumbling])
async def test_a_defect_stops_the_partition_that_meets_it(bench: Bench, limits: Limits, kind: type[Buffered]) -> None:
    """The process lives, the other partition goes on, and the reason names the place, not the error's words."""
    await bench.put(0, b"x")
    await bench.put(1, b"y")
    sink = Keeper(on_apply=defect)
    async with bench.reader(kind(sink), limits) as reader:
        await eventually(lambda: sink.has([], [b"y"]))
        trouble = await eventually(lambda: stopped(reader))
        await bench.put(1, b"z")
        await eventually(lambda: sink.has([], [b"y", b"z"]))
    assert "partition 0" in trouble
    assert "a defect of ours: KeyError at test_kafka_reader.py:" in trouble
    assert "1101014101900001" not in trouble


@both_limits
async def test_a_record_that_the_client_cannot_read_holds_up_its_partition_alone(bench: Bench, limits: Limits) -> None:
    """What stands before it is kept, its offset is named, and nothing of the other partition is passed over."""
    await bench.put(1, b"a", b"b")
    await bench.put_unreadable(1)
    await bench.put(0, b"x")
    await bench.put(1, b"c")
    sink = Keeper()
    async with bench.reader(Buffered(sink), limits) as reader:
        trouble = await eventually(lambda: stopped(reader))
        assert "offset 2 cannot be read (UnicodeDecodeError)" in trouble
        await bench.put(0, b"z")
        await eventually(lambda: sink.has([b"x", b"z"], [b"a", b"b"]))
