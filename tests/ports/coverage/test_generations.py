"""How the live generation stands still, changes, and is left: on MongoDB, where it is a matter of transactions."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from services.coverage.counting.domain.position import Position
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.proof.mongo.generations import Builds, MongoGenerations
from services.coverage.proof.mongo.proofs import MongoProofs
from services.coverage.proof.ports import Passed, Proof, Proofs
from shared.adapters.mongo import Mongo
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError, TransientError
from tests.factories_coverage import RECORDED_AT, VILLAGE, joined, partition
from tests.fakes_proof import MemoryProofs
from tests.ports.coverage.test_store import flush

P = partition()


@pytest.fixture
async def live(database: Mongo) -> MongoStore:
    """The live generation, in which three people are counted."""
    live = MongoStore(database)
    await live.prepare()
    await live.apply([flush(joined(3), Position())])
    return live


async def people(store: MongoStore) -> tuple[int, int]:
    """Return the village's people and position."""
    figures = (await store.figures([VILLAGE], None))[VILLAGE]
    return figures.tally.registered, figures.position


async def test_what_is_built_is_seen_by_nobody_until_the_flip(database: Mongo, live: MongoStore) -> None:
    """Then by all at once, with positions that only grew; a flush that was ready before goes on in it."""
    generations = MongoGenerations(database)
    building = await generations.store(2)
    await building.apply([flush(joined(2), Position())])
    assert await generations.builds() == Builds(0, 2, ())
    assert await generations.changes() == {0: 3, 2: 2}
    assert await people(live) == (3, 3)
    await building.apply([flush(joined(1, first=2), Position(2, 2))])
    late = flush(joined(1, first=3), Position(3, 3))
    known = await live.versions([VILLAGE])
    held = await generations.hold()
    await generations.flip(2, held)
    assert await people(live) == (3, 3)
    assert set(await live.figures([VILLAGE], None, known)) == {VILLAGE}
    assert await generations.builds() == Builds(2, None, (0,))
    await live.apply([late])
    assert await people(live) == (4, 4)
    assert (await live.checkpoints())[P].generation == 2
    assert await live.regions_of(P) == ["11.01", "11.01.02", VILLAGE]
    assert await generations.drop_old() == (0,)
    assert await people(live) == (4, 4)
    assert await generations.drop_old() == ()


async def test_what_was_broken_off_can_be_thrown_away(database: Mongo, live: MongoStore) -> None:
    """Nothing of it is left, and the live one is as it was; where nothing is being built nothing is done."""
    generations = MongoGenerations(database)
    await (await generations.store(1)).apply([flush(joined(2), Position())])
    assert await generations.discard() == 1
    assert await generations.builds() == Builds(0, None, ())
    assert not {"checkpoints_1", "counters_1", "pages_1"} & await database.names()
    assert await people(live) == (3, 3)
    assert await generations.discard() is None


async def test_positions_are_never_less_than_before_the_flip(database: Mongo, live: MongoStore) -> None:
    """Though the last flush that touched a region ended earlier when it was built."""
    generations = MongoGenerations(database)
    elsewhere = "11.01.03.2001"
    await live.apply([flush([*joined(1, first=3), *joined(1, elsewhere, first=4)], Position(3, 3))])
    assert await people(live) == (4, 5)
    building = await generations.store(1)
    await building.apply([flush(joined(4), Position())])
    await building.apply([flush(joined(1, elsewhere, first=4), Position(4, 4))])
    await generations.flip(1, await generations.hold())
    assert await people(live) == (4, 5)


async def test_while_held_a_flush_waits(database: Mongo, live: MongoStore) -> None:
    """It may be tried again; nobody is fenced, and nothing of it is written."""
    generations = MongoGenerations(database)
    assert (await generations.hold())[P] == 3
    with pytest.raises(TransientError, match="a new generation is taking over"):
        await live.apply([flush(joined(1, first=3), Position(3, 3))])
    await database["checkpoints"].update_many({}, {"$set": {"held_until": RECORDED_AT - timedelta(days=900)}})
    await live.apply([flush(joined(1, first=3), Position(3, 3))])
    assert await people(live) == (4, 4)


async def test_a_flip_after_a_partition_moved_on_changes_nothing(database: Mongo, live: MongoStore) -> None:
    """For no partition: the hold ran out, and one was counted on."""
    generations = MongoGenerations(database)
    building = await generations.store(1)
    await building.apply([flush(joined(3), Position())])
    held = dict.fromkeys(range(PARTITIONS), 0) | {P: 3}
    await live.apply([flush(joined(1, first=3), Position(3, 3))])
    with pytest.raises(FencedError):
        await generations.flip(1, held)
    assert await generations.builds() == Builds(0, 1, ())
    assert {checkpoint.generation for checkpoint in (await live.checkpoints()).values()} == {0}


@pytest.fixture(params=["fake", "real"])
def proofs(request: pytest.FixtureRequest) -> Proofs:
    """Where it is kept how far the proof is, twice."""
    if request.param == "fake":
        return MemoryProofs()
    return MongoProofs(request.getfixturevalue("database"))


async def test_how_far_the_proof_is_is_kept(proofs: Proofs) -> None:
    """From nothing, through a pass, to the next."""
    assert await proofs.read() == Proof()
    passed = Passed(datetime.fromisoformat("2026-11-21T03:00:00+00:00"), 2, 11, with_topic=False)
    for proof in (Proof(3, 1, 7), Proof(4, 0, 9, with_topic=False, last=passed)):
        await proofs.write(proof)
        assert await proofs.read() == proof
