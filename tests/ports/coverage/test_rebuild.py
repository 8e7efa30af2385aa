"""A new generation on MongoDB: built beside the live one, equal to it at the flip, whatever comes between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import Position
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.ports import Flush
from services.coverage.proof import rebuild
from services.coverage.proof.mongo.generations import MongoGenerations
from services.coverage.proof.rebuild import LEASE_FOR, Rebuild
from shared.adapters.mongo import Mongo
from shared.runtime.errors import FencedError, PermanentError
from tests.factories_coverage import VILLAGE, counted, joined, partition
from tests.fakes import ManualClock
from tests.fakes_audit import SilentProgress
from tests.fakes_proof import MemoryLeases, MemoryLog

P = partition()
CHANGES = [*map(counted, joined(12))]


class Generations(MongoGenerations):
    """Calls `meanwhile` once while the live generation is held, and counts the flips refused."""

    meanwhile: Callable[[], Awaitable[None]] | None = None
    refused = 0

    async def hold(self) -> dict[int, int]:
        """See `MongoGenerations`."""
        held, meanwhile, self.meanwhile = await super().hold(), self.meanwhile, None
        if meanwhile:
            await meanwhile()
        return held

    async def flip(self, generation: int, held: Mapping[int, int]) -> None:
        """See `MongoGenerations`."""
        try:
            await super().flip(generation, held)
        except FencedError:
            self.refused += 1
            raise


@dataclass
class World:
    """A live store that has counted some of the topic, and all a rebuild needs."""

    mongo: Mongo
    topic: MemoryLog = field(default_factory=lambda: MemoryLog({P: CHANGES}))
    leases: MemoryLeases = field(default_factory=MemoryLeases)
    clock: ManualClock = field(default_factory=ManualClock)
    next_seq: int = 0

    def __post_init__(self) -> None:
        self.live, self.generations = MongoStore(self.mongo), Generations(self.mongo)

    async def count(self, some: Sequence[CountedChange]) -> None:
        """Count more in the live generation."""
        before, self.next_seq = self.next_seq, self.next_seq + len(some)
        after = Position(self.next_seq, self.next_seq)
        flush = Flush(P, Position(before, before), after, Sum(some), behind=False, flows_from=date.min)
        await self.live.apply([flush])

    def rebuild(self, holder: str = "one") -> Rebuild:
        """Return a rebuild."""
        return Rebuild(self.live, self.generations, self.topic, self.leases, holder, self.clock, SilentProgress())

    async def live_and_registered(self) -> tuple[int, int]:
        """Return the live generation, and how many people it has registered in the village."""
        figures = await self.live.figures([VILLAGE], None)
        return (await self.generations.builds()).live, figures[VILLAGE].tally.registered


@pytest.fixture
async def world(database: Mongo) -> World:
    """Ten of twelve changes are counted."""
    world = World(database)
    await world.live.prepare()
    await world.count(CHANGES[:10])
    return world


async def test_it_takes_over_where_the_live_one_stands(world: World) -> None:
    """Later changes on the topic are left to be counted as ever."""
    assert await world.rebuild().run() == 1
    assert await world.live_and_registered() == (1, 10)
    await world.count(CHANGES[10:])
    assert await world.live_and_registered() == (1, 12)
    assert world.leases.holder is None


async def test_a_hold_that_ran_out_is_tried_again(world: World) -> None:
    """The flip finds that a partition moved on, and changes nothing."""

    async def meanwhile() -> None:
        await world.mongo["checkpoints"].update_many({}, {"$unset": {"held_until": ""}})
        await world.count(CHANGES[10:])

    world.generations.meanwhile = meanwhile
    assert await world.rebuild().run() == 1
    assert world.generations.refused == 1
    assert await world.live_and_registered() == (1, 12)


async def test_it_goes_on_with_what_was_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild that ended at a lost topic is resumed behind its last flush."""
    monkeypatch.setattr(rebuild, "CHANGES_A_FLUSH", 4)
    world.topic.there[P] = CHANGES[:8]
    with pytest.raises(PermanentError, match=f"partition {P} of the topic has no seq 8, which was counted"):
        await world.rebuild().run()
    assert await world.live_and_registered() == (0, 10)
    world.topic.there[P] = CHANGES
    assert await world.rebuild("two").run() == 1
    assert world.topic.opened_at[P] > 0
    assert await world.live_and_registered() == (1, 10)


async def test_a_second_one_is_refused_while_the_first_is_there(world: World) -> None:
    """Until its lease has run out; it may not discard anything either."""
    await world.leases.acquire(rebuild.JOB, "another", world.clock.now(), LEASE_FOR)
    for refused in (world.rebuild().run, world.rebuild().discard):
        with pytest.raises(PermanentError, match="another rebuild is under way"):
            await refused()
    world.clock.advance(LEASE_FOR + timedelta(seconds=1))
    assert await world.rebuild().run() == 1
