"""The gathering reader on a real broker: what waits is written once, and trouble holds up its partition alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import ConsumerRecord

from shared.adapters.kafka_reader import written_at
from shared.runtime.errors import FencedError, TransientError
from tests.integration.shared.kafka_bench import Bench
from tests.waiting import eventually


@dataclass(frozen=True)
class Sealed:
    """Records of a partition on their way."""

    partition: int
    records: tuple[ConsumerRecord, ...]

    @property
    def next_offset(self) -> int:
        """The offset after the last one."""
        return int(self.records[-1].offset) + 1

    @property
    def written_at(self) -> datetime:
        """When the last one was written."""
        return written_at(self.records[-1])


@dataclass
class Gatherer:
    """A sink that keeps values and positions. `on_take` and `on_commit` may raise."""

    kept: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})
    positions: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    on_take: Callable[[int], None] = lambda _partition: None
    on_commit: Callable[[Sequence[Sealed]], None] = lambda _sealed: None
    taken: dict[int, list[ConsumerRecord]] = field(default_factory=dict)

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Begin after what is kept."""
        self.forget(partitions)
        return {partition: self.positions[partition] for partition in partitions}

    def take(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """Hold the records."""
        self.on_take(partition)
        self.taken.setdefault(partition, []).extend(records)

    def waiting(self) -> Mapping[int, int]:
        """Return how many are held."""
        return {partition: len(records) for partition, records in self.taken.items()}

    def seal(self, partitions: Collection[int]) -> Sequence[Sealed]:
        """Return what is held."""
        return [Sealed(partition, tuple(self.taken.pop(partition))) for partition in partitions]

    async def commit(self, sealed: Sequence[Sealed]) -> None:
        """Keep the values where they come next."""
        self.on_commit(sealed)
        for one in sealed:
            assert one.records[0].offset == self.positions[one.partition]
            self.kept[one.partition] += [record.value for record in one.records]
            self.positions[one.partition] = one.next_offset

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what is held."""
        for partition in partitions:
            self.taken.pop(partition, None)


def first_times(error: Exception, times: int) -> Callable[[Sequence[Sealed]], None]:
    """Return what raises the error the first times that partition 0 is committed."""
    left = [error] * times

    def stumble(sealed: Sequence[Sealed]) -> None:
        if left and any(one.partition == 0 for one in sealed):
            raise left.pop()

    return stumble


async def test_a_flight_is_tried_again_and_read_anew_until_all_is_kept_once(bench: Bench) -> None:
    """After a passing error the same is given again; where another replica was ahead, positions are read again."""
    for error in (TransientError("away"), FencedError("ahead")):
        await bench.put(0, b"a", b"b")
        await bench.put(1, b"c")
        sink = Gatherer(
            positions={partition: await bench.end(partition) - n for partition, n in ((0, 2), (1, 1))},
            on_commit=first_times(error, 2),
        )

        async def all_kept(sink: Gatherer = sink) -> bool:
            return sink.kept == {0: [b"a", b"b", b"d"], 1: [b"c"]}

        async with bench.gathering(sink) as reader:
            await bench.put(0, b"d")
            await eventually(all_kept)
            assert await reader.trouble() is None


async def test_a_defect_stops_the_partition_that_meets_it(bench: Bench) -> None:
    """In taking or in committing: the process lives, the other partition goes on, no value is told."""
    for name in ("on_take", "on_commit"):

        def stumble(met: int | Sequence[Sealed]) -> None:
            if met == 0 or (not isinstance(met, int) and any(one.partition == 0 for one in met)):
                raise KeyError("1101014101900001")

        positions = {partition: await bench.end(partition) for partition in (0, 1)}
        await bench.put(0, b"x")
        await bench.put(1, b"y")
        sink = Gatherer(positions=positions)
        setattr(sink, name, stumble)
        async with bench.gathering(sink) as reader:

            async def stopped(sink: Gatherer = sink) -> str:
                assert sink.kept[1] == [b"y"]
                trouble = await reader.trouble()
                assert trouble is not None
                return trouble

            trouble = await eventually(stopped)
        assert "a defect of ours: KeyError at test_kafka_gathering.py:" in trouble
        assert "1101014101900001" not in trouble
        assert sink.kept[0] == []


async def test_what_stands_before_a_record_that_cannot_be_read_is_kept(bench: Bench) -> None:
    """Its partition then stops there, and nothing of the other is passed over."""
    await bench.put(1, b"a", b"b")
    await bench.put_unreadable(1)
    await bench.put(0, b"x")
    await bench.put(1, b"c")
    sink = Gatherer()
    async with bench.gathering(sink) as reader:

        async def stopped() -> bool:
            return "offset 2 cannot be read (UnicodeDecodeError)" in (await reader.trouble() or "")

        async def goes_on() -> bool:
            return sink.kept == {0: [b"x", b"z"], 1: [b"a", b"b"]}

        await eventually(stopped)
        await bench.put(0, b"z")
        await eventually(goes_on)
