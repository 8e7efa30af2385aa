"""Starts a service's command with a watch on its event loop: `python watched.py FILE cakupan-coverage serve`.

It writes a JSON line to the file for each turn of the loop (one callback, or one step of a task) that took more than
20 ms of the processor. The processor's time of the loop's thread is measured, not the clock's: a busy machine makes
nothing slow here, and nothing that runs in another thread counts. uvloop's turns cannot be measured from Python, so the
service runs on asyncio's own loop, which calls the same code.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

LONGEST_S: Final = 0.020
"""What a turn may take: while it lasts, nobody else of this service is served."""
_LOOK_EVERY_S: Final = 0.004
"""Often enough to see a turn that takes too long while it lasts."""


class Watch:
    """Measures each turn, and notes the stack of one that takes too long while it lasts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._thread = threading.get_ident()
        self._began: float | None = None
        self._stack: list[str] = []
        self._collected_s = 0.0

    def begin(self) -> None:
        """Measure from now on whatever loop runs in this thread."""
        run = asyncio.events.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            self._stack, self._collected_s, self._began = [], 0.0, time.thread_time()
            try:
                run(handle)
            finally:
                took, self._began = time.thread_time() - self._began, None
                if took > LONGEST_S:
                    self._note(handle, took)

        asyncio.events.Handle._run = timed  # type: ignore[assignment,method-assign]
        gc.callbacks.append(self._collecting)
        threading.Thread(target=self._look, daemon=True).start()

    def _collecting(self, phase: str, _about: dict[str, int]) -> None:
        """Measure a collection of garbage: Python runs it in whatever turn of whatever thread is next."""
        if threading.get_ident() == self._thread:
            self._collected_s += time.thread_time() * (1 if phase == "stop" else -1)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            began = self._began
            if began is not None and not self._stack and time.clock_gettime(self._clock) - began > LONGEST_S / 2:
                frame = sys._current_frames()[self._thread]
                self._stack = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_stack(frame)]

    def _note(self, handle: asyncio.Handle, took: float) -> None:
        task: Any = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
        what = repr(task.get_coro()) if isinstance(task, asyncio.Task) else repr(handle)
        said = {"ms": round(took * 1000, 1), "what": what, "stack": self._stack[-12:]}
        said["collecting_ms"] = round(self._collected_s * 1000, 1)
        with self._file.open("a") as file:
            file.write(json.dumps(said) + "\n")


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
