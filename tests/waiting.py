"""Waits until a condition of real servers is true, without sleeping for a guessed time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_EVERY_S = 0.02


async def eventually(probe: Callable[[], Awaitable[T]], *, within_s: float = 20) -> T:
    """Return the first truthy result of the probe, asked every 20 ms; an AssertionError in it means not yet.

    Raises: AssertionError, the last one or one that names the probe, when the time is over.
    """
    last: AssertionError | None = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    if result := await probe():
                        return result
                except AssertionError as error:
                    last = error
                await asyncio.sleep(_EVERY_S)
    except TimeoutError:
        raise last or AssertionError(f"{probe} was not true within {within_s} s") from None
