"""Coverage's store, on the fake and on MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.ports import Store
from shared.adapters.mongo import Mongo
from tests.fakes_coverage import MemoryStore


@pytest.fixture(params=["fake", "real"])
def address(request: pytest.FixtureRequest) -> tuple[str, str] | None:
    """Where MongoDB is and the name of a fresh database, or None for the fakes, which need no server."""
    if request.param == "fake":
        return None
    namespace: str = request.getfixturevalue("namespace")
    return request.getfixturevalue("mongodb_uri"), f"{namespace.replace('.', '_')}coverage"


@pytest.fixture
async def mongo(address: tuple[str, str] | None) -> AsyncIterator[Mongo | None]:
    """A fresh database, or None for the fakes."""
    if address is None:
        yield None
        return
    database = Mongo(*address, "coverage-0")
    yield database
    database.close()


@pytest.fixture
async def store(mongo: Mongo | None) -> Store:
    """The store, twice."""
    if mongo is None:
        return MemoryStore()
    store = MongoStore(mongo)
    await store.prepare()
    return store


@pytest.fixture
async def database(mongodb_uri: str, namespace: str) -> AsyncIterator[Mongo]:
    """A fresh database."""
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}coverage", "coverage-0")
    yield mongo
    mongo.close()
