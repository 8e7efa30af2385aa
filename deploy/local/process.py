"""Child processes that end with whoever started them, each with its own log, and waiting until they are ready."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import httpx

from shared.runtime.errors import PermanentError

_PR_SET_PDEATHSIG: Final = 1
_LOG_KEPT_BYTES: Final = 20_000_000
"""A log that has grown beyond this is set aside at the next start; one earlier is kept."""
_TAIL_LINES: Final = 5
_TAIL_BYTES: Final = 20_000
_LINE_SHOWN: Final = 300
_READY_WITHIN_S: Final = 60.0


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
            raise PermanentError(self._last_words(self._process.returncode))

    async def run(self) -> None:
        """Start the process and return when it has ended well; it is killed if this call is cancelled.

        Raises: PermanentError as `start` does, and as `check` when it ended otherwise.
        """
        await self.start()
        assert self._process is not None
        try:
            if await self._process.wait() != 0:
                self.check()
        finally:
            await self.kill()

    async def stop(self, grace_s: float = 10) -> None:
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

    def _last_words(self, code: int) -> str:
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        last = "".join(f"\n    {line[:_LINE_SHOWN]}" for line in self._last_lines())
        return f"{self.name} has ended ({how}); its log is {self.log}{last}"

    def _last_lines(self) -> list[str]:
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_began_at, end - _TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]


async def until_ready(child: Child, url: str, within_s: float = _READY_WITHIN_S) -> None:
    """Return once `GET /health/ready` answers 200; raises as `until_well` does, with the checks that fail."""
    async with httpx.AsyncClient(timeout=5) as http:
        await until_well(child, lambda: _trouble(http, f"{url}/health/ready"), within_s)


async def until_well(child: Child, trouble: Callable[[], Awaitable[str]], within_s: float = _READY_WITHIN_S) -> None:
    """Return once `trouble` finds nothing wrong with the process, that is, returns no text.

    Raises: PermanentError when the process ends before, or with what is wrong when the time is over.
    """
    deadline = time.monotonic() + within_s
    while found := await trouble():
        child.check()
        if time.monotonic() > deadline:
            raise PermanentError(f"{child.name} is not ready after {within_s:g} s: {found}; log: {child.log}")
        await asyncio.sleep(0.1)


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Return once all are done; the first error ends the others and is raised as it was."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _trouble(http: httpx.AsyncClient, url: str) -> str:
    """Return the checks that fail, or nothing."""
    try:
        answer = await http.get(url)
    except httpx.TransportError:
        return f"{url} does not answer"
    if answer.is_success:
        return ""
    checks = answer.json().get("checks", {}) if "json" in answer.headers.get("content-type", "") else {}
    failing = [f"{name}: {state}" for name, state in checks.items() if state != "ok"]
    return "; ".join(failing) or f"{url} answers {answer.status_code}"


def _open_log(file: Path) -> IO[bytes]:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > _LOG_KEPT_BYTES:
        file.replace(file.with_suffix(".log.1"))
    return file.open("ab")


def _ends_with(parent: int) -> Callable[[], None] | None:
    """Return what makes a new process die when its parent does: SIGKILL, which every part here must survive anyway.

    Source: prctl(2), PR_SET_PDEATHSIG; it outlives exec. The parent may have died before the call: hence the check.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def call() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return call
