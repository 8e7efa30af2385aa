"""What the reader gives is durable or told of before its positions move on, and each fact is answered for once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from aiokafka import ConsumerRecord
from prometheus_client import CollectorRegistry

from services.registry.intake.commit import Intake
from services.registry.intake.kafka.facts import FactSink
from services.registry.intake.kafka.rejected import RejectedTopic
from services.registry.intake.metrics import IntakeMetrics
from shared.adapters.asyncapi import declare_publisher
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_producer import Producer, Record, publish_through
from shared.contracts import topics
from shared.contracts.rejections import Rejection
from shared.runtime.errors import TransientError
from tests.factories_registry import NIK, raw
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryStore
from tests.records import record

CLOCK = ManualClock()


class Shelf(Producer):
    """A producer that keeps the records; it fails while `fails` is set."""

    def __init__(self) -> None:
        super().__init__(KafkaAccess("nowhere:1"), "test")
        self.records: list[Record] = []
        self.fails = False

    async def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Keep them."""
        if self.fails:
            raise TransientError("Kafka is away")
        self.records += records

    def told(self) -> list[Rejection]:
        """Return what the records say."""
        return [msgspec.json.decode(kept.value or b"", type=Rejection) for kept in self.records]


@dataclass
class Entrance:
    """A sink on a store in memory."""

    store: MemoryStore = field(default_factory=MemoryStore)
    shelf: Shelf = field(default_factory=Shelf)
    prometheus: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        metrics = IntakeMetrics(self.prometheus)
        self.intake = Intake(self.store, SECRETS, CLOCK, INTAKE_METRICS)
        broker = KafkaAccess("nowhere:1").broker()
        publish_through(broker, self.shelf)
        rejections = declare_publisher(broker, topics.FACTS_REJECTED, Rejection, "Refused facts.")
        self.sink = FactSink(PARSER, self.intake, RejectedTopic(rejections, metrics), CLOCK, metrics)

    async def apply(self, *records: ConsumerRecord) -> None:
        """Give the records as the reader does."""
        partitions = {one.partition for one in records}
        await self.sink.apply({p: [one for one in records if one.partition == p] for p in partitions})

    def answered(self) -> dict[str, float]:
        """Return how many facts were answered with each outcome."""
        samples = [sample for metric in self.prometheus.collect() for sample in metric.samples]
        counts: dict[str, float] = {}
        for sample in samples:
            if sample.name == "registry_facts_total":
                outcome = sample.labels["outcome"]
                counts[outcome] = counts.get(outcome, 0) + sample.value
        return counts


@pytest.fixture
async def entrance() -> AsyncIterator[Entrance]:
    """An entrance whose group commit runs."""
    entrance = Entrance()
    loop = asyncio.create_task(entrance.intake.run())
    yield entrance
    loop.cancel()


def mixed() -> list[ConsumerRecord]:
    """Return one fact, the same again, another under its id, one of an unknown region, and garbage."""
    values = [raw(), raw(), raw(data={"segment": "PMI"}), raw(id="f-2", data={"region": "99.01"}), b"\xff"]
    return [record(value, partition=offset % 2, offset=offset) for offset, value in enumerate(values)]


async def test_each_record_has_its_outcome_and_what_is_refused_is_told_with_its_place(entrance: Entrance) -> None:
    """One counts, its copy is a duplicate, the rest stand on the rejected topic under the place they came from."""
    await entrance.apply(*mixed())
    assert len(entrance.store.state.slots) == 1
    assert entrance.answered() == {"accepted": 1, "duplicate": 1, "conflict": 1, "refused": 2}
    assert sorted((told.offset, told.code, told.source, told.id, told.field) for told in entrance.shelf.told()) == [
        (2, "conflict", "bpjs/aceh", "f-1", "id"),
        (3, "unknown_region", "bpjs/aceh", "f-2", "data.region"),
        (4, "malformed_json", None, None, None),
    ]
    for kept, told in zip(entrance.shelf.records, entrance.shelf.told(), strict=True):
        place = f"enrollment.facts.v1/{told.partition}/{told.offset}".encode()
        assert (kept.key, dict(kept.headers)["from"], dict(kept.headers)["reason"]) == (
            place,
            place,
            told.code.encode(),
        )


async def test_when_the_store_fails_the_positions_stay_and_the_same_again_counts_once(entrance: Entrance) -> None:
    """Garbage needs no store: it is told of at once, and not again."""
    entrance.store.fail_next = True
    with pytest.raises(TransientError):
        await entrance.apply(*mixed())
    assert entrance.store.state.slots == {}
    await entrance.apply(*mixed())
    assert entrance.answered() == {"accepted": 1, "duplicate": 1, "conflict": 1, "refused": 2}
    assert sorted(told.offset for told in entrance.shelf.told()) == [2, 3, 4]


async def test_when_the_rejected_topic_fails_the_positions_stay_and_nothing_is_told_twice(entrance: Entrance) -> None:
    """What had been accepted by then is answered for as accepted, not as a duplicate of itself."""
    entrance.shelf.fails = True
    with pytest.raises(TransientError):
        await entrance.apply(*mixed())
    assert entrance.shelf.records == []
    entrance.shelf.fails = False
    await entrance.apply(*mixed())
    assert entrance.answered() == {"accepted": 1, "duplicate": 1, "conflict": 1, "refused": 2}
    assert sorted(told.offset for told in entrance.shelf.told()) == [2, 3, 4]


async def test_a_full_intake_holds_the_reader_back_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-pressure: the reader is given an error, waits, and gives the same again."""
    monkeypatch.setattr("services.registry.intake.commit.WAITING_AT_MOST", 2)
    entrance = Entrance()
    loop = asyncio.create_task(entrance.intake.run())
    records = [record(raw(id=f"f-{offset}"), offset=offset) for offset in range(5)]
    with pytest.raises(TransientError, match="too many"):
        await entrance.apply(*records)
    for _ in range(2):
        try:
            await entrance.apply(*records)
        except TransientError:
            continue
    assert entrance.answered() == {"accepted": 5}
    loop.cancel()


async def test_records_that_come_again_after_a_crash_are_known(entrance: Entrance) -> None:
    """Nothing counts twice; a refusal may stand twice on its topic, under one key."""
    await entrance.apply(*mixed())
    again = Entrance(entrance.store, entrance.shelf)
    loop = asyncio.create_task(again.intake.run())
    await again.sink.assigned([0, 1])
    await again.apply(*mixed())
    assert len(entrance.store.state.slots) == 1
    assert again.answered() == {"duplicate": 2, "conflict": 1, "refused": 2}
    assert len({kept.key for kept in entrance.shelf.records}) == 3
    loop.cancel()


async def test_what_is_told_of_a_refused_fact_holds_no_identity_and_no_value(entrance: Entrance) -> None:
    """Nor where the sender has put one into source, id, type or a header; a name that is too long is cut."""
    misplaced = {"id": NIK, "source": f"bpjs/{NIK}/{'x' * 600}", "type": f"cakupan.{NIK}.v1"}
    await entrance.apply(record(raw(**misplaced), [("content-type", NIK.encode()), (NIK, NIK.encode())]))
    (kept,), (told,) = entrance.shelf.records, entrance.shelf.told()
    assert NIK.encode() not in repr(kept).encode()
    assert told.id == "[digits]"
    assert told.source is not None
    assert told.source.startswith("bpjs/[digits]/xx")
    assert len(told.source) < 520
