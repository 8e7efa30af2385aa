"""Open-loop load: arrivals keep their timetable however slow the answers are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import time


async def open_loop(count: int, per_second: float, send: Callable[[int, float], Coroutine[None, None, None]]) -> None:
    """Call `send(number, due)` for each arrival at its due instant, and return when all have ended.

    `due` is when the arrival was to be sent; latency counts from it, so that a stall is felt by everybody who arrived
    during it and not only by the one request that met it ("coordinated omission", Gil Tene).
    Units: `due` in seconds of the wall clock, as are the mailbox's file times.
    Raises: what the first failing `send` raised, in an ExceptionGroup.
    """
    began = time()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time()))
            group.create_task(send(number, due))
