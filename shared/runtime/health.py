"""Readiness: named checks, each of which says whether this process can do its work now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from shared.runtime.errors import PermanentError, TransientError

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else one line that says what is wrong. One that begins with `ok` is only shown."""

_CHECK_TIMEOUT_S: Final = 2.0
"""Kubernetes probes give up after a second or more; a check that takes longer has failed."""


async def report(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run all checks at the same time; return "ok" or the trouble of each, by name."""
    results = await asyncio.gather(*map(_run, checks.values()))
    return dict(zip(checks, results, strict=True))


async def _run(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            return await check() or "ok"
    except TimeoutError:
        return f"no answer within {_CHECK_TIMEOUT_S:g} s"
    except (TransientError, PermanentError) as error:
        return str(error)
