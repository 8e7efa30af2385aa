"""The public interfaces as the sample uses them: an upstream system sends facts, an operator loads and reads."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx

from deploy.local.process import together
from deploy.local.sample.people import Fact
from deploy.local.settings import StackConfig
from shared.runtime.backoff import delay
from shared.runtime.errors import PermanentError, TransientError

LINES: Final = 100
"""Facts in a request: all requests at once fit into one group commit of the registry."""
_SENDERS: Final = 4
_TRIES: Final = 60
"""About two minutes: longer than any restart of a service, short enough that a dead one is noticed."""


class Client:
    """Sends facts, loads reference data and reads; `outcomes` counts facts by the registry's answer."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        config: StackConfig,
        lines: int = LINES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.outcomes = Counter[str]()
        self._http, self._config, self._lines, self._sleep = http, config, lines, sleep

    async def send(self, facts: Sequence[Fact]) -> None:
        """Return once every fact is accepted or known.

        Raises: TransientError when the registry stays away, PermanentError when it refuses a request or a fact.
        """
        batches = iter([facts[first : first + self._lines] for first in range(0, len(facts), self._lines)])

        async def work() -> None:
            for batch in batches:
                await self._send(batch)

        await together(*(work() for _ in range(_SENDERS)))

    async def put(self, kind: str, text: str) -> None:
        """Load a CSV file of reference data; rows that are recorded already add nothing."""
        await self._ask("PUT", "coverage", f"/v1/{kind}", "operator", text, "text/csv")

    async def get(self, service: str, path: str) -> dict[str, Any]:
        """Return what a service answers to an operator."""
        body: dict[str, Any] = (await self._ask("GET", service, path, "operator")).json()
        return body

    async def _send(self, facts: Sequence[Fact]) -> None:
        """Send these facts until none is left unanswered; their ids make it safe to send one again."""
        while facts:
            body = "\n".join(map(json.dumps, facts))
            answer = await self._ask("POST", "registry", "/v1/facts/bulk", "upstream", body, "application/x-ndjson")
            lines = answer.json()["results"]
            if wrong := [line for line in lines if line["outcome"] not in ("accepted", "duplicate", "not_stored")]:
                raise PermanentError(f"the registry refuses a fact: {wrong[0]['detail']}; 'make reset' starts anew")
            self.outcomes.update(line["outcome"] for line in lines)
            facts = [fact for fact, line in zip(facts, lines, strict=True) if line["outcome"] == "not_stored"]

    async def _ask(
        self, method: str, service: str, path: str, token: str, content: str | None = None, media_type: str = "*/*"
    ) -> httpx.Response:
        """Return the answer; ask again while the service is away or asks to wait."""
        url, said = f"{self._config.url(service)}{path}", "no answer"
        headers = {"Authorization": f"Bearer {self._config.home.token(token)}", "Content-Type": media_type}
        for attempt in range(1, _TRIES + 1):
            pause = delay(attempt, first=timedelta(seconds=0.1), longest=timedelta(seconds=2), chance=random.random())  # noqa: S311
            pause_s = pause.total_seconds()
            try:
                answer = await self._http.request(method, url, content=content, headers=headers)
            except httpx.TransportError:
                pass
            else:
                if answer.is_success:
                    return answer
                said = f"{answer.status_code} {answer.text}"
                if answer.is_client_error and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise PermanentError(f"{service} refuses {method} {url}: {said}")
                pause_s = float(answer.headers.get("Retry-After", pause_s))
            await self._sleep(pause_s)
        raise TransientError(f"{service} does not take {method} {url} ({said}); see its log")
