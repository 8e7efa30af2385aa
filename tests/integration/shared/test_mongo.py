"""Replicas that use one database at the same time."""

from __future__ import annotations

import asyncio

from shared.adapters.mongo import Mongo, Session
from shared.runtime.errors import TransientError


async def test_replicas_that_start_together_make_the_same_collections(mongodb_uri: str, namespace: str) -> None:
    """The later ones find the collections; none fails to start."""
    started = [Mongo(mongodb_uri, namespace.replace(".", "_"), f"replica-{number}") for number in range(4)]
    names = [f"collection-{number}" for number in range(5)]
    await asyncio.gather(*(mongo.create(names) for mongo in started))
    await asyncio.gather(*(started[0][name].insert_one({}) for name in names))
    for mongo in started:
        mongo.close()


async def test_only_what_a_predecessor_left_in_this_database_is_ended(mongodb_uri: str, namespace: str) -> None:
    """Its transaction fails; that of a replica of the same name with another database goes on."""
    here, elsewhere = (f"{namespace.replace('.', '_')}{name}" for name in ("here", "elsewhere"))
    predecessor, neighbour, heir = (Mongo(mongodb_uri, name, "replica-0") for name in (here, elsewhere, here))
    go_on = asyncio.Event()
    opened = {name: asyncio.Event() for name in (here, elsewhere)}

    async def insert(mongo: Mongo, name: str) -> None:
        async def work(session: Session) -> None:
            await mongo["things"].insert_one({}, session=session)
            opened[name].set()
            await go_on.wait()

        await mongo.create(["things"])
        await mongo.transact(work)

    writing = asyncio.gather(insert(predecessor, here), insert(neighbour, elsewhere), return_exceptions=True)
    await asyncio.gather(*(one.wait() for one in opened.values()))
    assert await heir.end_orphans() == 1
    go_on.set()
    ended, committed = await writing
    assert isinstance(ended, TransientError)
    assert committed is None
    assert await neighbour["things"].count_documents({}) == 1
    for mongo in (predecessor, neighbour, heir):
        mongo.close()
