"""Starting aiokafka's clients without leaking a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

_LET_FINISH_S: Final = 5.0
"""Against a Kafka that answers, a start takes milliseconds, whether it succeeds or is refused."""


async def started(start: Coroutine[Any, Any, None], within_s: float) -> None:
    """Return once the start is done. Raises: TimeoutError, and what the start raises.

    A start that is cancelled half way leaves its connection open. So on cancellation, or when the time is over, this
    lets the start finish first.
    """
    task = asyncio.ensure_future(start)
    try:
        async with asyncio.timeout(within_s):
            await asyncio.shield(task)
    except (asyncio.CancelledError, TimeoutError):
        await asyncio.wait({task}, timeout=_LET_FINISH_S)
        task.cancel()
        raise
