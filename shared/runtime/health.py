"""Readiness: named checks, each of which says whether this process can do its work now. Liveness: is it stuck?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.runtime.errors import PermanentError, TransientError

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else one line that says what is wrong."""

_CHECK_TIMEOUT_S: Final = 2.0
"""Kubernetes probes give up after a second or more; a check that takes longer has failed."""


class Health:
    """Holds the checks of a process."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._stuck: Check | None = None

    def add_liveness(self, check: Check) -> None:
        """Set the check that finds work which is stuck. It asks no server: a restart would not bring one back."""
        self._stuck = check

    async def stuck(self) -> str | None:
        """Return what is stuck in this process and only a restart frees, or None."""
        return await self._stuck() if self._stuck else None

    def add(self, name: str, check: Check) -> None:
        """Add a check; the report shows it under this name."""
        self._checks[name] = check

    async def report(self) -> dict[str, str]:
        """Run all checks at the same time; return "ok" or the trouble of each."""
        results = await asyncio.gather(*(self._run(check) for check in self._checks.values()))
        return dict(zip(self._checks, results, strict=True))

    @staticmethod
    async def _run(check: Check) -> str:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                return await check() or "ok"
        except TimeoutError:
            return f"no answer within {_CHECK_TIMEOUT_S:g} s"
        except (TransientError, PermanentError) as error:
            return str(error)
