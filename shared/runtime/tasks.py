"""Runs a service's loops beside its server; one that ends in error ends the process loudly."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from shared.runtime.logging import logger

_log = logger(__name__)


@asynccontextmanager
async def running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the loops during the block; cancel them, and wait for their end, after it.

    A loop that dies of a defect leaves a process that looks alive and does nothing: it is told to stop instead, so
    that its supervisor starts it anew.
    """
    tasks = [asyncio.create_task(loop) for loop in loops]
    for task in tasks:
        task.add_done_callback(_stop_if_failed)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("a loop died; stopping", loop=repr(task.get_coro()), exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
