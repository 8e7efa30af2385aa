"""The public interfaces as the sample uses them: an upstream system sends facts, an operator loads and reads."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import httpx

from deploy.local.process import together
from deploy.local.sample.people import Fact
from deploy.local.settings import StackConfig
from services.registry.intake.importing.client import BulkClient
from services.registry.intake.regions import RegionCodes
from shared.runtime.errors import PermanentError, TransientError

_LINES: Final = 100
"""Facts in a request: all requests at once fit into one group commit of the registry."""
_SENDERS: Final = 4
_TRIES, _PAUSE_S = 120, 1.0
"""About two minutes: longer than any restart of a service, short enough that a dead one is noticed."""


async def send_facts(facts: Sequence[Fact], config: StackConfig, outcomes: Counter[str]) -> None:
    """Return once every fact is accepted or known; `outcomes` counts the registry's answers on the way.

    Raises: TransientError when the registry stays away, PermanentError when it refuses a request or a fact.
    """
    batches = iter([facts[first : first + _LINES] for first in range(0, len(facts), _LINES)])

    async def work(client: BulkClient) -> None:
        for batch in batches:
            answers = await client.send([json.dumps(fact).encode() for fact in batch])
            if wrong := [one for one in answers if one.outcome not in ("accepted", "duplicate")]:
                raise PermanentError(f"the registry refuses a fact: {wrong[0].detail}; 'make reset' starts anew")
            outcomes.update(one.outcome for one in answers)

    token = config.home.tokens / "upstream.jwt"
    async with BulkClient(config.url("registry"), token, RegionCodes.KEMENDAGRI, lambda _reason: None) as client:
        await together(*(work(client) for _ in range(_SENDERS)))


class Client:
    """Loads reference data and reads, with the operator's token."""

    def __init__(self, http: httpx.AsyncClient, config: StackConfig) -> None:
        self._http, self._config = http, config

    async def put(self, kind: str, text: str) -> None:
        """Load a CSV file of reference data; rows that are recorded already add nothing."""
        await self._ask("PUT", "coverage", f"/v1/{kind}", text)

    async def get(self, service: str, path: str) -> dict[str, Any]:
        """Return what a service answers."""
        body: dict[str, Any] = (await self._ask("GET", service, path)).json()
        return body

    async def _ask(self, method: str, service: str, path: str, csv: str | None = None) -> httpx.Response:
        """Return the answer; ask again while the service is away."""
        url, said = f"{self._config.url(service)}{path}", "no answer"
        headers = {"Authorization": f"Bearer {self._config.home.token('operator')}", "Content-Type": "text/csv"}
        for _ in range(_TRIES):
            try:
                answer = await self._http.request(method, url, content=csv, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(_PAUSE_S)
                continue
            if answer.is_success:
                return answer
            said = f"{answer.status_code} {answer.text}"
            if answer.is_client_error:
                raise PermanentError(f"{service} refuses {method} {url}: {said}")
            await asyncio.sleep(_PAUSE_S)
        raise TransientError(f"{service} does not take {method} {url} ({said}); see its log")
