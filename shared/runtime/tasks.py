"""Runs the loops of a service beside its server, and says how long they wait between attempts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, MutableMapping
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any, Final, Never, TypeVar

from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)
T = TypeVar("T")

_TURN_S: Final = 0.005
"""While a turn of the event loop lasts nobody else is served; to end it costs some 10 µs."""


class Turn:
    """The turn of a long piece of work on the event loop, in which it keeps all others waiting."""

    def __init__(self) -> None:
        """Begin it."""
        self._ends = perf_counter() + _TURN_S

    async def give_way(self) -> None:
        """Let other work run if the turn has lasted 5 ms, and begin the next."""
        if perf_counter() > self._ends:
            await asyncio.sleep(0)
            self._ends = perf_counter() + _TURN_S


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, and let other work run every 5 ms meanwhile."""
    turn = Turn()
    for item in items:
        yield item
        await turn.give_way()


async def emptied(*large: MutableMapping[Any, Any]) -> None:
    """Empty them, and let other work run meanwhile: to free many objects at once takes 0.1 µs each, in one turn."""
    turn = Turn()
    for mapping in large:
        while mapping:
            mapping.popitem()
            await turn.give_way()


def let_go(*large: list[Any]) -> None:
    """Empty these lists one object at a time; for a thread, which lets the event loop run in between."""
    for each in large:
        while each:
            each.pop()


@asynccontextmanager
async def running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the loops during the block. After it, cancel them and wait for their end.

    If a loop ends by a defect, the process stops, so that its supervisor starts it again. It would otherwise look
    alive and do nothing.
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
        _stop_process(error)


def _stop_process(_cause: BaseException) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def repeat(
    work: Callable[[], Awaitable[object]],
    every: timedelta,
    name: str,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Never:
    """Do the work, wait for `every`, and so on until cancelled. An error of ours is logged under `name` and waited out.

    Any other exception ends the loop: it is a defect.
    """
    while True:
        try:
            await work()
        except (TransientError, PermanentError) as error:
            _log.warning(f"{name} failed and is tried again", error=str(error))
        await sleep(every.total_seconds())


async def woken(event: asyncio.Event, within: timedelta | None) -> None:
    """Return once the event is set, and clear it, or once the time is over. None means no time limit.

    What sets the event while the caller works is not lost: the next wait then ends at once.
    """
    try:
        async with asyncio.timeout(None if within is None else within.total_seconds()):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


def delay(attempt: int, *, first: timedelta, longest: timedelta, chance: float) -> timedelta:
    """Return how long to wait after failed attempt number `attempt` (from 1).

    The delay doubles from `first` up to `longest`. `chance` in [0, 1) spreads it over its upper half, so that many
    waiters do not return together. Source: "Exponential Backoff And Jitter" (equal jitter), AWS Architecture Blog.
    """
    # 2**32 is beyond any sensible `longest`, and more would overflow timedelta.
    full = min(longest, first * 2 ** min(attempt - 1, 32)) if attempt > 0 else first
    return full / 2 + full / 2 * chance
