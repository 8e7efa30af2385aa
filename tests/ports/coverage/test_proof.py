"""Proving the counters on MongoDB: a difference is named, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings

from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import CountedChange, Movement, Step
from services.coverage.counting.domain.position import Position
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.ports import Flush
from services.coverage.proof.domain.recount import Difference
from services.coverage.proof.mongo.counted import MongoCounted, MongoPointInTime
from services.coverage.proof.verify import DifferenceFound, Verifier, stop
from shared.adapters.mongo import Mongo
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from tests.factories_coverage import (
    NEIGHBOUR,
    OTHER_REGENCY,
    TODAY,
    VILLAGE,
    change,
    changes,
    counted,
    counted_too,
    joined,
    partition,
    state,
)
from tests.fakes import ManualClock
from tests.fakes_proof import MemoryLog
from tests.ports.coverage.test_timelines import keep
from tests.stores_coverage import fresh_store

P = partition()
LATE = TODAY - timedelta(days=200)
SOME = [
    *joined(4),
    change(4, after=state(NEIGHBOUR, active=False), effective_day=LATE),
    change(5, "moved", before=state(), after=state("11.01")),
    change(6, "moved", before=state(), after=None, counterpart=OTHER_REGENCY),
]


def log(changes: Sequence[Change] = SOME, name: str = "the topic") -> MemoryLog:
    """Return a log that holds the changes."""
    return MemoryLog({P: [*map(counted, changes)]}, name)


@dataclass
class World:
    """Counters in MongoDB, some of them perhaps spoilt."""

    mongo: Mongo
    position: int = 0

    async def count(self, changes: Sequence[Change]) -> None:
        """Count changes."""
        before = Position(self.position, self.position)
        self.position += len(changes)
        after = Position(self.position, self.position)
        await MongoStore(self.mongo).apply(
            [Flush(P, before, after, Sum(map(counted, changes)), False, first_day(TODAY))]
        )

    def verifier(self, *logs: MemoryLog, differences: list[Difference] | None = None) -> Verifier:
        """Return a verifier that stops at the first difference, or collects them."""
        judge = stop if differences is None else differences.append
        return Verifier(MongoCounted(self.mongo), logs, ManualClock(), judge)

    async def verified(self, *logs: MemoryLog) -> Verifier:
        """Return who verified the partition. Raises: DifferenceFound."""
        verifier = self.verifier(*logs)
        async for _ in verifier.pieces(P):
            continue
        return verifier

    async def found(self, *logs: MemoryLog) -> Difference:
        """Return the first difference."""
        with pytest.raises(DifferenceFound) as raised:
            await self.verified(*logs)
        return raised.value.difference


@pytest.fixture
async def world(database: Mongo) -> World:
    """A database in which nothing is counted."""
    await MongoStore(database).prepare()
    return World(database)


async def test_what_was_counted_agrees_with_pages_sums_topic_and_ledger(world: World) -> None:
    """Repeated records make no difference, nor do changes beyond the checkpoint; later flushes are read when needed."""
    await world.count(SOME[:3])
    verifier = world.verifier(log([*SOME, *SOME[2:]]), log(name="the ledger"))
    pieces = verifier.pieces(P)
    assert await anext(pieces) > 0
    await world.count(SOME[3:])
    async for _ in pieces:
        continue
    assert verifier.compared.changes == 2 * len(SOME)
    assert verifier.compared.regions > 0
    assert verifier.compared.unread == []


async def test_a_regency_that_is_first_counted_meanwhile_is_no_difference(world: World) -> None:
    """Its province is compared with all the children that there are by then."""
    later = [*SOME, change(7, after=state("11.02"))]
    await world.count(SOME)
    pieces = world.verifier(log(later)).pieces(P)
    await anext(pieces)
    await world.count(later[len(SOME) :])
    async for _ in pieces:
        continue


SPOILT: list[tuple[str, str, dict[str, object], str]] = [
    ("counters", f"11.01.02 {P}", counted_too("2003", Tally({"BPU  self JKK+JKM active": 1})), "11.01.02, registered"),
    ("counters", f"11.01 {P}", counted_too("-", Tally(placed_here=2)), "11.01, unplaced (partition"),
    ("counters", f"11 {P}", counted_too("-", Tally(lapses={"2027-04-01 self ": -1})), "11, lapses of 2027-04-01 self"),
    ("counters", f"ID {P}", {"$set": {"position": 99}}, "ID, position"),
    ("counters", f"11.01.02 {P}", {"$unset": {"flows": ""}}, "11.01.02, joined+1 on "),
    ("pages", f"11.01 {P} 0", {"$pop": {"rows": -1}}, "11.01, registered"),
    ("pages", f"ID {P} 0", {"$pop": {"rows": 1}}, "ID, "),
]


@pytest.mark.parametrize(("collection", "document", "spoil", "named"), SPOILT)
async def test_what_was_spoilt_is_named(
    world: World, collection: str, document: str, spoil: dict[str, object], named: str
) -> None:
    """At any level: region, measure, expected and found, partition and seq; without the topic too, but for lapses."""
    await world.count(SOME)
    assert (await world.mongo[collection].update_one({"_id": document}, spoil)).modified_count == 1
    difference = str(await world.found())
    assert difference.startswith(named)
    assert f"(partition {P}, counted up to seq 7): expected " in difference


async def test_lapses_of_a_village_are_proved_by_the_topic(world: World) -> None:
    """Pages do not hold them."""
    await world.count(SOME)
    spoil = counted_too("2003", Tally(lapses={"2027-04-01 self ": 1}))
    await world.mongo["counters"].update_one({"_id": f"11.01.02 {P}"}, spoil)
    await world.verified()
    assert (await world.found(log())).measure == "lapses of 2027-04-01 self "


class AnotherDay(MongoCounted):
    """Counters whose pages have a movement of long ago on another day."""

    @asynccontextmanager
    async def point_in_time(self) -> AsyncIterator[MongoPointInTime]:
        """See `MongoCounted`."""
        async with super().point_in_time() as now:
            moved = now.moved

            async def spoilt(partition: int, region: str) -> AsyncIterator[Sequence[tuple[Step | Movement, int]]]:
                async for rows in moved(partition, region):
                    yield [
                        (row._replace(effective_day=LATE - timedelta(days=1)) if row.effective_day == LATE else row, n)
                        for row, n in rows
                    ]

            now.moved = spoilt  # type: ignore[method-assign]
            yield now


async def test_a_page_with_another_day_is_found_by_the_topic(world: World) -> None:
    """A movement of long ago changes no counter and no window, but the past."""
    await world.count(SOME)
    found: list[Difference] = []
    async for _ in Verifier(AnotherDay(world.mongo), [], ManualClock(), found.append).pieces(P):
        continue
    assert found == []
    async for _ in Verifier(AnotherDay(world.mongo), [log()], ManualClock(), found.append).pieces(P):
        continue
    assert ("11.01", f"movements effective on {LATE}") in {(one.region, one.measure) for one in found}


async def test_a_region_without_counters_is_missed(world: World) -> None:
    """A region of the topic must be among the counters."""
    await world.count(SOME[:1])
    difference = await world.found(log([change(0, after=state("35.01.01.2001"))]))
    assert difference.found != difference.expected


async def test_a_topic_that_ends_before_what_was_counted_is_reported(world: World) -> None:
    """It was recreated, or the checkpoint is another topic's."""
    await world.count(SOME)
    difference = await world.found(log(SOME[:5]))
    assert (difference.measure, difference.expected, difference.found) == ("the topic, changes up to seq", 7, 5)


async def test_a_deleted_beginning_is_no_difference_and_is_reported(world: World) -> None:
    """The rest is proved all the same, and the log is named."""
    await world.count(SOME)
    verifier = await world.verified(log(SOME[2:]))
    assert verifier.compared.unread == [
        f"partition {P} of the topic begins with seq 2: its beginning was deleted, and nothing proved by it"
    ]
    assert verifier.compared.regions > 0


async def test_a_judge_may_go_on(world: World) -> None:
    """It need not stop at the first."""
    await world.count(SOME)
    for part in ("2003", "2004"):
        spoil = counted_too(part, Tally({"BPU  self JKK+JKM active": 1}))
        await world.mongo["counters"].update_one({"_id": f"11.01.02 {P}"}, spoil)
    differences: list[Difference] = []
    async for _ in world.verifier(differences=differences).pieces(P):
        continue
    assert {VILLAGE, "11.01.02.2004"} <= {one.region for one in differences}


def logged(some: list[Change]) -> MemoryLog:
    """Return the topic that holds the changes, each partition's numbered from 0."""
    parts: dict[int, list[CountedChange]] = {}
    for one in some:
        place = one.after or one.before
        assert place is not None
        mine = parts.setdefault(partition(place.region), [])
        mine.append(counted(one)._replace(seq=len(mine)))
    return MemoryLog(parts)


@settings(max_examples=8)
@given(some=changes())
async def test_whatever_was_counted_is_proved(mongodb_uri: str, some: list[Change]) -> None:
    """In flushes of three, over all partitions."""
    async with fresh_store(mongodb_uri, "t_proof") as store:
        await keep(store, some, size=3)
        mongo = Mongo(mongodb_uri, "t_proof", "proof")
        try:
            verifier = Verifier(MongoCounted(mongo), [logged(some)], ManualClock(), stop)
            for at in range(PARTITIONS):
                async for _ in verifier.pieces(at):
                    continue
        finally:
            mongo.close()
    assert verifier.compared.changes == len(some)
    assert verifier.compared.unread == []
