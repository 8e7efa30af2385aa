"""Child processes: their end is reported, their log is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.process import Child
from shared.runtime.errors import PermanentError
from tests.waiting import eventually


def shell(script: str, log: Path) -> Child:
    """Return a child that runs a line of shell."""
    return Child("coverage", ("sh", "-c", script), log)


async def ended(child: Child) -> bool:
    """Say whether the child runs no more."""
    return child.pid is None


async def test_an_end_that_nobody_asked_for_is_reported_with_the_last_words(tmp_path: Path) -> None:
    """Name, exit code, log and the last lines of this run, not of an earlier one."""
    log = tmp_path / "coverage.log"
    log.write_text("an earlier run\n")
    child = shell("echo starting; echo no such topic >&2; exit 3", log)
    await child.start()
    await eventually(lambda: ended(child))
    with pytest.raises(PermanentError) as raised:
        child.check()
    first, *words = str(raised.value).splitlines()
    assert first == f"coverage has ended (exit code 3); its log is {log}"
    assert [word.strip() for word in words] == ["starting", "no such topic"]


async def test_one_that_does_not_listen_is_ended_in_time(tmp_path: Path) -> None:
    """SIGTERM first, SIGKILL after the grace; a stopped child is no trouble any more."""
    child = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", tmp_path / "log")
    await child.start()

    async def ready() -> bool:
        return "ready" in (tmp_path / "log").read_text()

    await eventually(ready)
    await child.stop(0.1)
    assert child.pid is None
    child.check()


async def test_a_command_that_is_not_there_is_reported(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(PermanentError, match=r"coverage cannot be started: .*no-such-program"):
        await Child("coverage", ("/no-such-program",), tmp_path / "log").start()


async def test_a_log_that_has_grown_large_is_set_aside(tmp_path: Path) -> None:
    """At the next start, so that a disk is not filled for ever."""
    log = tmp_path / "coverage.log"
    with log.open("wb") as file:
        file.truncate(20_000_001)
    await shell("echo fresh", log).run()
    assert log.read_text() == "fresh\n"
    assert (tmp_path / "coverage.log.1").stat().st_size == 20_000_001
