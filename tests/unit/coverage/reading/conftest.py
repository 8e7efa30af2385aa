"""What the tests of reading share."""

from __future__ import annotations

import pytest

from tests.fakes_coverage import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """Return a store that holds nothing. That MongoDB's gives the same is a law of the ports' tests."""
    return MemoryStore()
