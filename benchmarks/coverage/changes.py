"""Changes for coverage's benchmarks, as the registry would have published them over two months."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from random import Random
from typing import Final

import msgspec

from deploy.local.settings import StackConfig
from shared.adapters.kafka_producer import Producer, Record, partition_for
from shared.contracts import topics
from shared.contracts.changes import Change, Kind, State
from shared.contracts.topics import PARTITIONS
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION, regency_of

_SEED: Final = 1
_BATCH: Final = 1_000
"""Changes that share one `recorded_at`, as those of a group commit do."""
_DAYS: Final = 60
LATE_DAYS: Final = (0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 7, 30)
"""How long after its effect a change is recorded: mostly at once, sometimes a month later."""
_CHUNK: Final = 20_000
PROFILES: Final = (
    ("PU", (), "employer", ("JHT", "JKK", "JKM", "JP")),
    ("PU", ("non_asn",), "apbd_regency", ("JKK", "JKM")),
    ("BPU", (), "self", ("JKK", "JKM")),
    ("BPU", (), "self", ("JHT", "JKK", "JKM")),
    ("BPU", ("vulnerable",), "apbd_regency", ("JKK", "JKM")),
    ("BPU", ("vulnerable",), "village_fund", ("JKK", "JKM")),
    ("BPU", ("village_official",), "village_fund", ("JKK", "JKM")),
    ("BPU", ("vulnerable",), "csr", ("JKK", "JKM")),
    ("JAKON", (), "employer", ("JKK", "JKM")),
    ("PMI", (), "self", ("JKK", "JKM")),
)
_KINDS: Final = (Kind.JOINED,) * 8 + (Kind.PAID,) * 6 + (Kind.LAPSED,) * 3 + (Kind.RETURNED,) * 2 + (Kind.ENDED,)


def villages(count: int) -> list[str]:
    """Return so many villages, in whole districts, drawn from all over the country."""
    tree = catalogue()
    districts = [
        district
        for province in tree.children(NATION)
        for regency in tree.children(province)
        for district in tree.children(regency)
    ]
    Random(_SEED).shuffle(districts)
    return [village for district in districts for village in tree.children(district)][:count]


def changes(count: int, places: Sequence[str], until: datetime) -> Iterator[Change]:
    """Yield changes of invented people, recorded over the days before an instant; `seq` is contiguous by partition."""
    random, next_seq = Random(_SEED), [0] * PARTITIONS
    step = timedelta(days=_DAYS) * _BATCH / count
    for number in range(count):
        recorded_at = until - timedelta(days=_DAYS) + step * (number // _BATCH)
        place = places[int(random.random() * len(places))]
        at = partition_for(regency_of(place), PARTITIONS)
        yield _change(random, next_seq[at], place, recorded_at)
        next_seq[at] += 1


def _change(random: Random, seq: int, place: str, recorded_at: datetime) -> Change:
    kind = random.choice(_KINDS)
    effective_at = recorded_at - timedelta(days=random.choice(LATE_DAYS))
    active, lapsed = _state(random, place, recorded_at)
    before = {Kind.JOINED: None, Kind.PAID: active, Kind.LAPSED: active, Kind.RETURNED: lapsed, Kind.ENDED: lapsed}
    after = {Kind.JOINED: active, Kind.PAID: active, Kind.LAPSED: lapsed, Kind.RETURNED: active, Kind.ENDED: None}
    return Change(
        seq, 1, f"{seq:032x}", kind, effective_at, effective_at.date(), recorded_at, "bpjs/pusat", None,
        before[kind], after[kind],
    )  # fmt: skip


def _state(random: Random, place: str, at: datetime) -> tuple[State, State]:
    """Return a person as active, paid some months ahead, and as lapsed."""
    segment, groups, payer, programmes = random.choice(PROFILES)
    months = at.year * 12 + at.month - 1 + random.randrange(12)
    paid, lapse = divmod(months, 12), divmod(months + 4, 12)
    paid_through = f"{paid[0]}-{paid[1] + 1:02d}"
    attributes = (place, segment, groups, payer, programmes, True)
    active = State(*attributes, True, paid_through, date(lapse[0], lapse[1] + 1, 1))
    return active, State(*attributes, False, paid_through, None)


async def publish(producer: Producer, topic: str, some: Iterator[Change]) -> None:
    """Put changes on the topic, each in the partition of its regency."""
    records: list[Record] = []
    for change in some:
        place = (change.after or change.before).region  # type: ignore[union-attr]
        regency = regency_of(place)
        records.append(Record(partition_for(regency, PARTITIONS), regency.encode(), msgspec.json.encode(change)))
        if len(records) == _CHUNK:
            await producer.publish(topic, records)
            records = []
    await producer.publish(topic, records)


async def fill(config: StackConfig, some: Iterator[Change], count: int) -> None:
    """Put so many changes on the config's topic."""
    producer = Producer(config.kafka, "benchmark")
    try:
        await publish(producer, topics.CHANGES.under(config.namespace).name, islice(some, count))
    finally:
        await producer.stop()


def now() -> datetime:
    """Return this instant, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
