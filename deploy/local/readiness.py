"""Waiting until a process says that it can do its work."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import httpx

from deploy.local.process import Child
from shared.runtime.errors import PermanentError

_READY_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.1
_ANSWER_WITHIN_S: Final = 5.0


async def until_ready(child: Child, url: str, within_s: float = _READY_WITHIN_S) -> None:
    """Return once `GET /health/ready` answers 200.

    Raises: PermanentError when the process ends before, or with the checks that fail when the time is over.
    """
    deadline = time.monotonic() + within_s
    async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S) as http:
        while trouble := await _trouble(http, f"{url}/health/ready"):
            child.check()
            if time.monotonic() > deadline:
                raise PermanentError(f"{child.name} is not ready after {within_s:g} s: {trouble}; log: {child.log}")
            await asyncio.sleep(_LOOK_EVERY_S)


async def _trouble(http: httpx.AsyncClient, url: str) -> str:
    """Return what is wrong, or nothing."""
    try:
        answer = await http.get(url)
    except httpx.TransportError:
        return f"{url} does not answer"
    if answer.is_success:
        return ""
    checks = answer.json().get("checks", {}) if "json" in answer.headers.get("content-type", "") else {}
    failing = [f"{name}: {state}" for name, state in checks.items() if state != "ok"]
    return "; ".join(failing) or f"{url} answers {answer.status_code}"
