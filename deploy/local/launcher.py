"""Keeps a stack up until a signal, and stops it whatever happens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final

from rich.console import Console

from deploy.local.report import say, tell_ready
from deploy.local.stack import LocalStack
from deploy.local.together import together

Then = Callable[[LocalStack], Coroutine[Any, Any, None]]
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def keep_up(stack: LocalStack, console: Console, then: Then | None = None) -> None:
    """Start the stack, do what is asked `then`, and return after SIGINT, SIGTERM or SIGHUP, when all has ended.

    Raises: PermanentError or TransientError when a part cannot start or ends by itself, after all else was stopped.
    """
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_work(stack, console, then))
    for ending in _ENDING:
        # While everything is being stopped the work has ended already, and a second signal changes nothing.
        loop.add_signal_handler(ending, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        say(console, "Stopping.")
    finally:
        await stack.stop()
    say(console, "Everything has stopped.")


async def _work(stack: LocalStack, console: Console, then: Then | None) -> None:
    say(console, "Starting Kafka, MongoDB, the mailbox and the services.")
    await stack.start()
    tell_ready(stack.ground, console)
    say(console, "Ctrl-C stops everything.")
    if then is None:
        await stack.watch()
    else:
        await together(stack.watch(), then(stack))
