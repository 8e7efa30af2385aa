"""Two whole stacks for the end-to-end tests: one that is left in peace, and one whose processes are killed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.e2e.world import World, started_world


@pytest.fixture(scope="session")
async def world(
    kafka_bootstrap: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A stack that nobody disturbs; the sample has Aceh to itself, other tests use other provinces."""
    async with started_world(tmp_path_factory.mktemp("peace"), kafka_bootstrap, mongodb_uri) as started:
        yield started


@pytest.fixture(scope="session")
async def battered_world(
    kafka_bootstrap: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A stack for killing."""
    async with started_world(tmp_path_factory.mktemp("war"), kafka_bootstrap, mongodb_uri) as started:
        yield started
