"""The pages' small nation, once a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.pages_world import PagesWorld, pages_world


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[PagesWorld]:
    """The pages without servers."""
    async with pages_world() as world:
        yield world
