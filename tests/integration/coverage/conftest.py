"""What coverage's integration tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.mongo import Mongo
from tests.integration.coverage.stack import Replica, Stack, prepared


@pytest.fixture
async def stack(kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Topics and databases of this test's own."""
    stack = await prepared(kafka_bootstrap, mongodb_uri, namespace, tmp_path)
    yield stack
    await stack.producer.stop()


@pytest.fixture
async def replica(stack: Stack) -> AsyncIterator[Replica]:
    """One running replica."""
    async with stack.replica() as replica:
        yield replica


@pytest.fixture
async def mongo(mongodb_uri: str, namespace: str) -> AsyncIterator[Mongo]:
    """A fresh database."""
    database = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}coverage", "coverage-0")
    yield database
    database.close()
