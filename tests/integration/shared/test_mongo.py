"""What replicas do to one database at the same moment."""

from __future__ import annotations

import asyncio

from shared.adapters.mongo import Mongo


async def test_replicas_that_start_together_make_the_same_collections(mongodb_uri: str, namespace: str) -> None:
    """Whoever comes second finds them there; none fails to start."""
    started = [Mongo(mongodb_uri, namespace.replace(".", "_"), f"replica-{number}") for number in range(4)]
    names = [f"collection-{number}" for number in range(5)]
    await asyncio.gather(*(mongo.create(names) for mongo in started))
    await asyncio.gather(*(started[0][name].insert_one({}) for name in names))
    for mongo in started:
        mongo.close()
