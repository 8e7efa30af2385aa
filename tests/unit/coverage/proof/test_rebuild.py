"""A new generation: built beside the live one, equal to it at the flip, whatever comes between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.movements import CountedChange, counted
from services.coverage.counting.domain.position import Position
from services.coverage.counting.ports import Flush
from services.coverage.proof import rebuild
from services.coverage.proof.rebuild import LEASE_FOR, Rebuild
from shared.runtime.errors import PermanentError
from tests.factories_coverage import VILLAGE, joined, partition
from tests.fakes import ManualClock
from tests.fakes_audit import SilentProgress
from tests.fakes_coverage import MemoryStore
from tests.fakes_proof import MemoryGenerations, MemoryLeases, MemoryLog

P = partition()
CHANGES = [*map(counted, joined(12))]


@dataclass
class World:
    """A live store that has counted some of the topic, and all a rebuild needs."""

    topic: MemoryLog
    live: MemoryStore = field(default_factory=MemoryStore)
    leases: MemoryLeases = field(default_factory=MemoryLeases)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.generations = MemoryGenerations(self.live)
        self.next_seq = 0

    async def count(self, some: Sequence[CountedChange]) -> None:
        """Count more in the live generation."""
        before, self.next_seq = self.next_seq, self.next_seq + len(some)
        after = Position(self.next_seq, self.next_seq)
        flush = Flush(P, Position(before, before), after, Sum(some), behind=False, flows_from=date.min)
        await self.live.apply([flush])

    def rebuild(self, holder: str = "one") -> Rebuild:
        """Return a rebuild."""
        return Rebuild(self.live, self.generations, self.topic, self.leases, holder, self.clock, SilentProgress())

    async def registered(self) -> int:
        """Return who is registered in the village, as the live generation has it."""
        return (await self.live.figures([VILLAGE], None))[VILLAGE].tally.registered


@pytest.fixture
async def world() -> World:
    """Ten of twelve changes are counted."""
    world = World(MemoryLog({P: CHANGES}))
    await world.count(CHANGES[:10])
    return world


async def test_it_takes_over_where_the_live_one_stands(world: World) -> None:
    """Later changes on the topic are left to be counted as ever."""
    assert await world.rebuild().run() == 1
    assert world.generations.number == 1
    assert await world.registered() == 10
    await world.count(CHANGES[10:])
    assert await world.registered() == 12
    assert world.leases.holder is None


async def test_a_hold_that_ran_out_is_tried_again(world: World) -> None:
    """The flip finds that a partition moved on, and changes nothing."""

    async def meanwhile() -> None:
        world.generations.on_hold = None
        await world.count(CHANGES[10:])

    world.generations.on_hold = meanwhile
    assert await world.rebuild().run() == 1
    assert world.generations.refused == 1
    assert await world.registered() == 12


async def test_it_goes_on_with_what_was_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild that ended at a lost topic is resumed behind its last flush."""
    monkeypatch.setattr(rebuild, "CHANGES_A_FLUSH", 4)
    world.topic.there[P] = CHANGES[:8]
    with pytest.raises(PermanentError, match=f"partition {P} of the topic has no seq 8, which was counted"):
        await world.rebuild().run()
    assert (world.generations.number, await world.registered()) == (0, 10)
    world.topic.there[P] = CHANGES
    assert await world.rebuild("two").run() == 1
    assert world.topic.opened_at[P] > 0
    assert await world.registered() == 10


async def test_a_second_one_is_refused_while_the_first_is_there(world: World) -> None:
    """Until its lease has run out."""
    await world.leases.acquire(rebuild.JOB, "another", world.clock.now(), LEASE_FOR)
    with pytest.raises(PermanentError, match="another rebuild is under way"):
        await world.rebuild().run()
    world.clock.advance(LEASE_FOR + timedelta(seconds=1))
    assert await world.rebuild().run() == 1


async def test_without_the_beginning_nothing_is_built(world: World) -> None:
    """The reason says what to do."""
    world.topic.there[P] = CHANGES[3:]
    with pytest.raises(PermanentError, match=r"begins with seq 3.*lost-topic\.md"):
        await world.rebuild().run()
    assert world.generations.number == 0
