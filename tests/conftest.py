"""One Kafka and one mongod for the whole run; each test has names of its own on them."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local.servers import Servers
from deploy.local.settings import StackSettings

# No test is judged by its time; and where CI runs, it tries the same examples every time: chance finds its bugs here.
settings.register_profile("cakupan", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("cakupan")


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    """Real servers with fresh data, or those that CAKUPAN_KAFKA_BOOTSTRAP and CAKUPAN_MONGODB_URI name."""
    # Whatever a killed process had open in there is of no use any more.
    with tempfile.TemporaryDirectory(prefix="cakupan-test-", ignore_cleanup_errors=True) as folder:
        started = Servers(StackSettings(folder=Path(folder)))
        try:
            await started.start()
            yield started
        finally:
            await started.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(servers: Servers) -> str:
    """Where Kafka answers."""
    return servers.kafka_bootstrap


@pytest.fixture(scope="session")
def mongodb_uri(servers: Servers) -> str:
    """Where MongoDB answers."""
    return servers.mongodb_uri


@pytest.fixture
def namespace() -> str:
    """A prefix for topics, groups and databases that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}."
