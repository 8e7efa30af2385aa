"""Loops that outlive errors, and waits that an event ends early."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.tasks import repeat, woken


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


async def test_a_wait_ends_by_its_event_or_by_time_and_leaves_the_event_clear() -> None:
    """An event that was set before the wait is not lost, and ends one wait only."""
    event = asyncio.Event()
    event.set()
    await woken(event, None)
    assert not event.is_set()
    await woken(event, timedelta())
