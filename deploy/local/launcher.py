"""Keeps a stack up until a signal, says where everything is, and stops it whatever happens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from rich.console import Console

from deploy.local.process import together
from deploy.local.settings import StackConfig
from deploy.local.stack import LocalStack

Work = Callable[[LocalStack], Coroutine[Any, Any, None]]


async def keep_up(stack: LocalStack, console: Console, then: Work | None = None) -> None:
    """Start the stack, do the work given as `then`, and return after SIGINT, SIGTERM or SIGHUP, when all has ended.

    Raises: PermanentError or TransientError when a part cannot start or ends by itself, after all else was stopped.
    """
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_work(stack, console, then))
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # While everything is being stopped the work has ended already, and a second signal changes nothing.
        loop.add_signal_handler(ending, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        say(console, "Stopping.")
    finally:
        await stack.stop()
    say(console, "Everything has stopped.")


def say(console: Console, line: str) -> None:
    """Print one line as it is: not wrapped, no markup, no colour."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


async def _work(stack: LocalStack, console: Console, then: Work | None) -> None:
    say(console, "Starting Kafka, MongoDB, the mailbox and the services.")
    await stack.start()
    _say_ready(stack.config, console)
    say(console, "Ctrl-C stops everything.")
    await together(stack.watch(), *([then(stack)] if then else []))


def _say_ready(config: StackConfig, console: Console) -> None:
    """Say where everything is."""
    for name in ("registry", "coverage", "notifier"):
        say(
            console,
            f"{name}  {config.url(name)}  {config.url(name)}/docs  metrics {config.operators_url(name)}/metrics  ready",
        )
    say(console, f"mailbox  {config.url('mailbox')}  ready")
    say(console, f"Kafka: {config.kafka}")
    say(console, f"MongoDB: {config.mongodb_uri}")
    say(console, f"Mail server: {config.host}:{config.ports['smtp']}")
    say(console, f"Tokens: {config.home.tokens}/*.jwt")
    say(console, f"Mailbox: {config.home.mailbox}/*.eml")
    say(console, f"Logs: {config.home.logs}/*.log")
