"""The reader on a real broker: where it begins and goes on, and what it does with what nobody can take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from shared.adapters.kafka_poll import Batches
from tests.integration.shared.kafka_bench import Bench
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


async def test_a_record_that_the_client_cannot_read_holds_up_its_partition_alone(bench: Bench) -> None:
    """What stands before it is applied, its offset is told, and nothing of the other partition is passed over."""
    await bench.put(1, b"a", b"b")
    await bench.put_unreadable(1)
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
