"""Loops that outlive errors, and waits that an event ends early."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from itertools import count

import pytest

from shared.runtime import tasks
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.tasks import Turn, _stop_process, emptied, in_turns, repeat, running, woken


async def test_work_is_repeated_after_errors_until_a_defect_ends_it() -> None:
    """Both families of errors are waited out; any other exception goes up."""
    ends: list[Exception | None] = [TransientError("away"), None, PermanentError("refused"), ZeroDivisionError()]
    slept: list[float] = []

    async def work() -> None:
        if error := ends.pop(0):
            raise error

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with pytest.raises(ZeroDivisionError):
        await repeat(work, timedelta(seconds=2), "the test's work", sleep)
    assert slept == [2, 2, 2]


async def test_a_loop_that_ends_by_a_defect_stops_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends SIGTERM to itself, as a supervisor would; one that is cancelled, or has ended its work, does not."""
    # The tests' own replacement would only note it.
    monkeypatch.setattr(tasks, "_stop_process", _stop_process)
    told, before = asyncio.Event(), signal.getsignal(signal.SIGTERM)

    async def defect() -> None:
        raise ZeroDivisionError

    async def ends() -> None:
        return

    signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        async with running(asyncio.sleep(3_600), ends()):
            await asyncio.sleep(0)
        assert not told.is_set()
        async with running(defect()):
            await told.wait()
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_a_wait_ends_by_its_event_or_by_time_and_leaves_the_event_clear() -> None:
    """An event that was set before the wait is not lost, and ends one wait only."""
    event = asyncio.Event()
    event.set()
    await woken(event, None)
    assert not event.is_set()
    await woken(event, timedelta())


async def test_long_work_gives_way_to_others_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20 steps of a millisecond it keeps the loop for 5 ms at a time; a short piece is not interrupted.

    So do those that go through many items, or let go of them.
    """
    now, turns = count(step=1 / 1024), 0
    monkeypatch.setattr(tasks, "perf_counter", now.__next__)

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def work(steps: int) -> int:
        turn, before = Turn(), turns
        for _ in range(steps):
            await turn.give_way()
        return turns - before

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    assert (await work(4), await work(20)) == (0, 3)
    before, large = turns, dict.fromkeys(range(20))
    assert [item async for item in in_turns(range(20))] == [*range(20)]
    assert turns - before == 3
    await emptied(large)
    assert (turns - before, large) == (6, {})
    task.cancel()
