"""A stack of stand-ins on the test run's servers: single processes killed, restarted, missing."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Child, until_ready
from deploy.local.settings import StackConfig, StackSettings
from deploy.local.stack import LocalStack, Part, keep_up
from shared.runtime.errors import PermanentError
from tests.deploy.launch import STAND_IN, settings_in, stand_ins
from tests.waiting import eventually


@pytest.fixture
def settings(tmp_path: Path, kafka_bootstrap: str, mongodb_uri: str) -> StackSettings:
    """Settings on the run's own servers."""
    return settings_in(tmp_path, kafka_bootstrap, mongodb_uri)


async def answers(url: str) -> bool:
    """Say whether a server answers there."""
    async with httpx.AsyncClient(timeout=30) as http:
        try:
            return (await http.get(f"{url}/health/ready")).is_success
        except httpx.TransportError:
            return False


async def listens(port: int) -> bool:
    """Say whether somebody listens on the port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_a_process_can_be_killed_and_restarted_by_name(settings: StackSettings) -> None:
    """It stays away until it is restarted; the others go on; a stop ends all."""
    stack = LocalStack(settings, stand_ins)
    try:
        await stack.start()
        config = stack.config
        await stack.kill("coverage")
        assert [await answers(url) for url in map(config.operators_url, ("registry", "coverage"))] == [True, False]
        await stack.restart("coverage")
        before = stack.pid("notifier")
        await stack.restart("notifier")
        assert stack.pid("notifier") != before
        assert all([await answers(url) for url in map(config.operators_url, ("coverage", "notifier", "mailbox"))])
    finally:
        await stack.stop()
    assert not any([await answers(url) for url in map(config.operators_url, ("registry", "coverage", "mailbox"))])


async def test_a_child_that_dies_ends_the_stack_with_its_name(settings: StackSettings) -> None:
    """Name, how it ended and where its log is; nothing else is left running."""
    stack = LocalStack(settings, stand_ins)
    said = io.StringIO()

    async def kill_one(running: LocalStack) -> None:
        os.kill(running.pid("coverage") or 0, signal.SIGKILL)

    with pytest.raises(PermanentError, match=r"coverage has ended \(killed by SIGKILL\); its log is .*coverage\.log"):
        await keep_up(stack, Console(file=said), kill_one)
    assert not await answers(stack.config.operators_url("registry"))
    assert not await answers(stack.config.operators_url("mailbox"))
    url = stack.config.url("registry")
    assert (
        f"registry  {url}  {url}/docs  metrics {stack.config.operators_url('registry')}/metrics  ready\n"
        in said.getvalue()
    )
    assert f"Tokens: {settings.home.tokens}/*.jwt\n" in said.getvalue()


async def test_a_service_that_cannot_start_is_named_and_the_rest_stopped(settings: StackSettings) -> None:
    """Its last words are in the message."""

    def broken(config: StackConfig) -> Sequence[Part]:
        return [*stand_ins(config)[:2], Part("notifier", ("sh", "-c", "echo rules.yaml: no such file; exit 1"))]

    stack = LocalStack(settings, broken)
    with pytest.raises(PermanentError, match=r"(?s)notifier has ended \(exit code 1\).*rules.yaml: no such file"):
        await keep_up(stack, Console(file=io.StringIO()))
    assert not await answers(stack.config.operators_url("registry"))


async def test_one_that_is_never_ready_is_named_with_the_check_that_fails(tmp_path: Path) -> None:
    """The checks that are well are not named."""
    (port,) = free_ports(1)
    child = Child("coverage", (sys.executable, STAND_IN, str(port), "unready"), tmp_path / "log")
    await child.start()
    try:
        await eventually(lambda: listens(port))
        with pytest.raises(PermanentError, match=r"coverage is not ready after 1 s: mongodb: does not answer; log"):
            await until_ready(child, f"http://127.0.0.1:{port}", within_s=1)
    finally:
        await child.kill()
