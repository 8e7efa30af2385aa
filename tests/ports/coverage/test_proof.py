"""Whatever changes were counted, in whatever flushes: the proof finds nothing, on the fake and on MongoDB."""

from __future__ import annotations

from hypothesis import given, settings

from services.coverage.counting.domain.movements import CountedChange, counted
from services.coverage.proof.mongo.counted import MongoCounted
from services.coverage.proof.ports import CountedStore
from services.coverage.proof.verify import Verifier, stop
from shared.adapters.mongo import Mongo
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from tests.factories_coverage import changes, partition
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore
from tests.fakes_proof import MemoryCounted, MemoryLog
from tests.ports.coverage.test_timelines import keep
from tests.stores_coverage import fresh_store


def logged(some: list[Change]) -> MemoryLog:
    """Return the topic that holds the changes, each partition's numbered from 0."""
    parts: dict[int, list[CountedChange]] = {}
    for one in some:
        place = one.after or one.before
        assert place is not None
        mine = parts.setdefault(partition(place.region), [])
        mine.append(counted(one)._replace(seq=len(mine)))
    return MemoryLog(parts)


async def proved(store: CountedStore, some: list[Change]) -> None:
    """Compare everything; a difference is an error."""
    verifier = Verifier(store, [logged(some)], ManualClock(), stop)
    for at in range(PARTITIONS):
        async for _ in verifier.pieces(at):
            continue
    assert verifier.compared.changes == len(some)
    assert verifier.compared.unread == []


@given(changes())
async def test_memory_is_proved(some: list[Change]) -> None:
    """On the fake."""
    store = MemoryStore()
    await keep(store, some, size=2)
    await proved(MemoryCounted(store), some)


@settings(max_examples=8)
@given(some=changes())
async def test_mongodb_is_proved(mongodb_uri: str, some: list[Change]) -> None:
    """In flushes of three."""
    async with fresh_store(mongodb_uri, "t_proof") as store:
        await keep(store, some, size=3)
        mongo = Mongo(mongodb_uri, "t_proof", "proof")
        try:
            await proved(MongoCounted(mongo), some)
        finally:
            mongo.close()
