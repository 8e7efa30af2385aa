"""Starts a service's command with a watch on its event loop: `python watched.py FILE cakupan-coverage serve`.

It writes a JSON line to the file for each turn of the loop (one callback, or one step of a task) that took more than
20 ms of the processor. The processor's time of the loop's thread is measured, not the clock's: a busy machine makes
nothing slow here, and nothing that runs in another thread counts. uvloop's turns cannot be measured from Python, so the
service runs on asyncio's own loop, which calls the same code.

The kernel counts a pause of a virtual machine as the processor's time of whatever turn it falls into. In a pause no
timer runs, so the watch also counts how often a timer of 4 ms interrupted the turn: it cannot have run for longer.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import json
import os
import signal
import sys
import threading
import time
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

LONGEST_S: Final = 0.020
"""What a turn may take: while it lasts, nobody else of this service is served."""
_SEEN_EVERY_S: Final = 0.004
"""How often the stack is noted; the kernel looks at timers no more often."""


class Watch:
    """Measures each turn, and notes the stacks of one that takes too long while it lasts.

    A timer of the processor's time interrupts such a turn, and C code notes its stack. A thread of Python could not: it
    waits for a call of C that holds Python's lock, such as the decoding of a large answer.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = threading.get_ident()
        self._stacks = Path(f"{file}.stacks").open("w+")  # noqa: SIM115 - open as long as the process lives
        self._seen_from = 0
        self._collected_s = 0.0

    def begin(self) -> None:
        """Measure from now on whatever loop runs in this thread."""
        run = asyncio.events.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            self._collected_s, self._seen_from = 0.0, os.lseek(self._stacks.fileno(), 0, os.SEEK_CUR)
            began = time.thread_time()
            signal.setitimer(signal.ITIMER_PROF, _SEEN_EVERY_S, _SEEN_EVERY_S)
            try:
                run(handle)
            finally:
                took = time.thread_time() - began
                signal.setitimer(signal.ITIMER_PROF, 0)
                if took > LONGEST_S:
                    self._note(handle, took)

        asyncio.events.Handle._run = timed  # type: ignore[assignment,method-assign]
        gc.callbacks.append(self._collecting)
        _interrupt_only_this_thread()
        faulthandler.register(signal.SIGPROF, self._stacks, all_threads=False)

    def _collecting(self, phase: str, _about: dict[str, int]) -> None:
        """Measure a collection of garbage: Python runs it in whatever turn of whatever thread is next."""
        if threading.get_ident() == self._thread:
            self._collected_s += time.thread_time() * (1 if phase == "stop" else -1)

    def _note(self, handle: asyncio.Handle, took: float) -> None:
        task: Any = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
        what = repr(task.get_coro()) if isinstance(task, asyncio.Task) else repr(handle)
        stacks = self._stacks_of_this_turn()
        said = {"ms": round(took * 1000, 1), "what": what, "seen": len(stacks), "stack": stacks[-1] if stacks else []}
        said["collecting_ms"] = round(self._collected_s * 1000, 1)
        with self._file.open("a") as file:
            file.write(json.dumps(said) + "\n")

    def _stacks_of_this_turn(self) -> list[list[str]]:
        """Return the innermost frames, each time that they were noted."""
        file = self._stacks.fileno()
        text = os.pread(file, os.lseek(file, 0, os.SEEK_CUR) - self._seen_from, self._seen_from).decode()
        _, *stacks = text.split("Stack (most recent call first):\n")
        return [[line.strip() for line in stack.splitlines()[:12]] for stack in stacks]


def _interrupt_only_this_thread() -> None:
    run = threading.Thread.run

    def uninterrupted(thread: threading.Thread) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
        run(thread)

    threading.Thread.run = uninterrupted  # type: ignore[method-assign,assignment]


def main(file: str, program: str, *arguments: str) -> None:
    """Run the command of this name under watch."""
    sys.modules["uvloop"] = None  # type: ignore[assignment]
    (command,) = entry_points(group="console_scripts", name=program)
    serve = command.load()
    sys.argv = [program, *arguments]
    Watch(Path(file)).begin()
    serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
