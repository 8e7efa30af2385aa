"""Child processes that end with whoever started them, each with its own log."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from shared.runtime.errors import PermanentError

_PR_SET_PDEATHSIG: Final = 1
_LOG_KEPT_BYTES: Final = 20_000_000
"""A log that has grown beyond this is set aside at the next start; one earlier is kept."""
_TAIL_LINES: Final = 5
_TAIL_BYTES: Final = 20_000
_LINE_SHOWN: Final = 300


class Child:
    """A process in a session of its own, so that Ctrl-C reaches the launcher alone and the order of stopping holds."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Prepare; `environment` comes on top of ours."""
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment or {}
        self._process: asyncio.subprocess.Process | None = None
        self._log_began_at = 0
        self._asked_to_end = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Return once the process exists.

        Raises: PermanentError when the command cannot be run.
        """
        with _open_log(self.log) as log:
            self._log_began_at, self._asked_to_end = log.tell(), False
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    env={**os.environ, **self._environment},
                    start_new_session=True,
                    preexec_fn=_ends_with(os.getpid()),
                )
            except OSError as error:
                raise PermanentError(f"{self.name} cannot be started: {error}") from error

    def check(self) -> None:
        """Return while the process runs, or has been stopped by us.

        Raises: PermanentError with its exit code, its last words and where its log is.
        """
        if self._process and self._process.returncode is not None and not self._asked_to_end:
            raise PermanentError(self._obituary(self._process.returncode))

    async def run(self) -> None:
        """Start the process and return when it has ended well; it is killed if we are broken off.

        Raises: PermanentError as `start` does, and as `check` when it ended otherwise.
        """
        await self.start()
        assert self._process is not None
        try:
            if await self._process.wait() != 0:
                self.check()
        finally:
            await self.kill()

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end, and end it when it has not done so in time."""
        self._asked_to_end = True
        if self.pid is not None and self._process is not None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), grace_s)
            except TimeoutError:
                await self.kill()

    async def kill(self) -> None:
        """End the process at once, without a chance to finish anything."""
        self._asked_to_end = True
        if self.pid is not None and self._process is not None:
            self._process.kill()
            await self._process.wait()

    def _obituary(self, code: int) -> str:
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        last = "".join(f"\n    {line[:_LINE_SHOWN]}" for line in self._last_lines())
        return f"{self.name} has ended ({how}); its log is {self.log}{last}"

    def _last_lines(self) -> list[str]:
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_began_at, end - _TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]


def _open_log(file: Path) -> IO[bytes]:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > _LOG_KEPT_BYTES:
        file.replace(file.with_suffix(".log.1"))
    return file.open("ab")


def _ends_with(parent: int) -> Callable[[], None] | None:
    """Return what makes a new process die when its parent does: SIGKILL, which every part here must survive anyway.

    Source: prctl(2), PR_SET_PDEATHSIG; it outlives exec. The parent may have died before the call: hence the look.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def call() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return call
