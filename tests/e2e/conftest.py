"""One whole stack for all end-to-end tests of a run; `tests/conftest.py` gives them all to one worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.e2e.world import World, started_world


@pytest.fixture(scope="package")
async def world(
    kafka_bootstrap: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The stack. The sample has the province of Aceh to itself, each other test uses another province."""
    async with started_world(tmp_path_factory.mktemp("stack"), kafka_bootstrap, mongodb_uri) as started:
        yield started
