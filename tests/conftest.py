"""One Kafka and one mongod for the whole run; each test has names of its own on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from shared.runtime import tasks
from tests.servers import fresh_servers

# No test is judged by its time; and where CI runs, it tries the same examples every time: chance finds its bugs here.
settings.register_profile(
    "cakupan",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    max_examples=int(os.environ.get("CAKUPAN_EXAMPLES", "30")),
)
settings.load_profile("cakupan")

_WORKERS_AT_MOST: Final = 4
"""All of them share one Kafka and one MongoDB, which serve no more without making each other wait."""
_SHARED: Final = pytest.StashKey[tuple["subprocess.Popen[str]", Any]]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Take one worker more than there are processors, since much of the time a worker waits for Kafka or MongoDB."""
    return min(_WORKERS_AT_MOST, (os.cpu_count() or 1) + 1)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker of a run in several processes (`-n`) where the servers are that they share."""
    if _SHARED not in node.config.stash:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        node.config.stash[_SHARED] = process, json.loads(process.stdout.readline())
    node.workerinput["servers"] = node.config.stash[_SHARED][1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each test file to one worker, and files that share a stack to the same one."""
    scheduling = import_module("xdist.scheduler").LoadFileScheduling(config, log)
    file_of = scheduling._split_scope
    shared = ("tests/e2e/", "tests/browser/")
    scheduling._split_scope = lambda test: next(filter(test.startswith, shared), "") or file_of(test)
    return scheduling


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers that the workers shared."""
    if _SHARED in config.stash:
        config.stash[_SHARED][0].communicate()


@pytest.fixture(scope="session")
def dead_loops() -> Iterator[list[BaseException]]:
    """The errors of loops that died. They would stop the process, and a worker of a run would end without a word."""
    died: list[BaseException] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tasks, "_stop_process", died.append)
        yield died


@pytest.fixture(autouse=True)
def no_loop_dies(dead_loops: list[BaseException]) -> Iterator[None]:
    """Fail the test in which, or before which, a loop of a service died."""
    yield
    if dead_loops:
        died = BaseExceptionGroup("loops of a service died", dead_loops.copy())
        dead_loops.clear()
        raise died


@pytest.fixture(scope="session")
async def addresses(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, str]]:
    """Where Kafka and MongoDB answer: those of the whole run."""
    if hasattr(request.config, "workerinput"):
        kafka, mongodb = request.config.workerinput["servers"]
        yield kafka, mongodb
        return
    async with fresh_servers() as servers:
        yield servers.kafka.bootstrap, servers.mongodb_uri


@pytest.fixture(scope="session")
def kafka_bootstrap(addresses: tuple[str, str]) -> str:
    """Where Kafka answers."""
    return addresses[0]


@pytest.fixture(scope="session")
def mongodb_uri(addresses: tuple[str, str]) -> str:
    """Where MongoDB answers."""
    return addresses[1]


@pytest.fixture
def namespace() -> str:
    """A prefix for topics, groups and databases that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}."
