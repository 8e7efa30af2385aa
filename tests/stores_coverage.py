"""Stores of coverage on a real MongoDB, for tests that need a new one for each example."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.coverage.counting.mongo.store import COLLECTIONS, MongoStore
from shared.adapters.mongo import Mongo


@asynccontextmanager
async def fresh_store(uri: str, name: str) -> AsyncIterator[MongoStore]:
    """Yield a store that holds nothing, on the database of this name; one emptied is there sooner than one made."""
    mongo = Mongo(uri, name, "coverage-0")
    try:
        for collection in COLLECTIONS:
            await mongo[collection].delete_many({})
        store = MongoStore(mongo)
        await store.prepare()
        yield store
    finally:
        mongo.close()
