"""The world on real MongoDB: what was written is loaded again, whoever crashed; a stale evaluator writes nothing."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from services.notifier.engine import documents
from services.notifier.engine.world import World
from services.notifier.live import mongo as live_mongo
from services.notifier.live.batch import Batch, Batcher
from services.notifier.live.mongo import WorldStore
from services.notifier.live.regions import PackedRegion
from shared.adapters.mongo import Mongo
from shared.runtime.errors import FencedError
from tests.alerts_scenarios import scenario
from tests.alerts_trace import OTHER, official, rule, snap
from tests.unit.notifier.live.test_batch import entries_of, whole

RULES, OFFICIALS = [rule()], [official("g")]


class CrashedError(Exception):
    """The process ended here."""


@pytest.fixture
async def store(mongo: Mongo) -> WorldStore:
    """The store, on collections of this test's own."""
    store = WorldStore(mongo)
    await store.prepare()
    return store


@pytest.mark.parametrize("parts", [0, 1, 2])
async def test_a_large_batch_is_whole_after_a_crash_between_any_of_its_parts(
    store: WorldStore, mongo: Mongo, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    """Whoever takes over writes the parts that are missing, before it loads the world."""
    monkeypatch.setattr(live_mongo, "_AT_ONCE", 4)
    monkeypatch.setattr(live_mongo, "_PART", 3)
    world, batch = played()
    await store.load(1)
    change, left = store._change, 1 + parts

    async def crashing(*arguments: Any) -> None:
        nonlocal left
        if left == 0:
            raise CrashedError
        left -= 1
        await change(*arguments)

    monkeypatch.setattr(store, "_change", crashing)
    with pytest.raises(CrashedError):
        await store.write(1, 1, batch)
    loaded = await WorldStore(mongo).load(2)
    assert pieces(loaded.world) == pieces(world)
    assert (loaded.batch, loaded.world.now) == (1, world.now)
    assert await mongo["decisions"].count_documents({}) == len(batch.decisions)
    assert await mongo["deliveries"].count_documents({}) == len(batch.deliveries) > 0
    assert await mongo["journal"].count_documents({}) == 0


async def test_a_stale_evaluator_writes_nothing(store: WorldStore, mongo: Mongo) -> None:
    """Neither after another has begun, nor a number that was written already; an older term cannot begin."""
    batch = whole(RULES, OFFICIALS, [snap(0, 39)])
    del batch.writes["rules"]
    await store.load(1)
    await store.write(1, 1, batch)
    with pytest.raises(FencedError):
        await store.write(1, 1, batch)
    await store.load(2)
    with pytest.raises(FencedError):
        await store.write(1, 2, whole(RULES, OFFICIALS, [snap(0, 39, OTHER)]))
    with pytest.raises(FencedError):
        await store.load(1)
    assert [each["_id"] async for each in mongo["regions"].find({})] == ["11"]


def played() -> tuple[World, Batch]:
    """Return a world with pieces of all kinds, and the batch that made it, without the text of its rules."""
    world, entries = World(PackedRegion), deque(entries_of(*scenario(seed=3, length=60)))
    batch = Batcher(world).apply(entries, entries[-1].at)
    del batch.writes["rules"]
    return world, batch


def pieces(world: World) -> dict[Any, Any]:
    """Return everything that a world holds, without its rules and officials."""
    return {
        **{code: (documents.region_document(each), each.snapshot) for code, each in world.regions.items()},
        **{("watch", *key): documents.watch_document(each) for key, each in world.watches.items()},
        **{("digest", *key): documents.digest_document(each) for key, each in world.digests.items()},
        **{("silence", key): documents.silence_document(each) for key, each in world.silences.items()},
    }
