"""An upstream system: sends each fact until the registry has answered for it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

import httpx

from shared.runtime.backoff import delay
from shared.runtime.errors import PermanentError, TransientError

Fact = dict[str, Any]
Sleep = Callable[[float], Awaitable[None]]

CONCURRENCY: Final = 4
LINES: Final = 50
"""Facts in a request; all in flight fit into one group commit, and the board moves several times a second."""
_FIRST_PAUSE: Final = timedelta(milliseconds=100)
_LONGEST_PAUSE: Final = timedelta(seconds=2)
_TRIES: Final = 60
"""About two minutes: longer than any restart of a service, short enough that a dead one is noticed."""


@dataclass(slots=True)
class Tally:
    """How the registry answered. `sent_again` counts repeats after a lost connection or a request to wait."""

    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    sent_again: int = 0
    first_refusal: str = ""

    @property
    def answered(self) -> int:
        """Facts that need not be sent again."""
        return self.accepted + self.duplicate + self.refused


class Upstream:
    """Sends facts to one registry with one token, so many `lines` in a request."""

    def __init__(
        self, client: httpx.AsyncClient, registry: str, token: str, *, lines: int = LINES, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._client = client
        self._lines = lines
        self._sleep = sleep
        self._url = f"{registry}/v1/facts/bulk"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self.tally = Tally()

    async def send_all(self, facts: Iterable[Fact], concurrency: int = CONCURRENCY) -> None:
        """Return once every fact is answered for; the tally tells how.

        Raises: as `send` does, in an ExceptionGroup.
        """
        left = iter(facts)

        async def work() -> None:
            while lines := list(islice(left, self._lines)):
                await self.send(lines)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())

    async def send(self, facts: Sequence[Fact]) -> None:
        """Return once the registry has accepted, known or refused each of these facts.

        While the connection fails, or the registry fails or asks to wait, sends those without an answer again; their
        ids make that safe.
        Raises: TransientError when one still has no answer after many tries; PermanentError for a bad token.
        """
        answer: httpx.Response | None = None
        for attempt in range(1, _TRIES + 1):
            answer = await self._post(facts)
            if answer is not None and not _asks_to_come_back(answer):
                facts = self._count(facts, answer)
                if not facts:
                    return
            self.tally.sent_again += len(facts)
            await self._sleep(_pause(attempt, answer))
        said = _detail(answer) if answer is not None else "no answer"
        raise TransientError(f"the registry does not take facts at {self._url} ({said}); see its log")

    async def _post(self, facts: Sequence[Fact]) -> httpx.Response | None:
        body = "\n".join(map(json.dumps, facts))
        try:
            return await self._client.post(self._url, content=body, headers=self._headers)
        except httpx.TransportError:
            return None

    def _count(self, facts: Sequence[Fact], answer: httpx.Response) -> list[Fact]:
        """Count the lines that are answered, and return the facts of those that are not."""
        if not answer.is_success:
            raise PermanentError(f"the registry does not take the sample: {_detail(answer)}")
        left: list[Fact] = []
        for fact, line in zip(facts, answer.json()["results"], strict=True):
            outcome = line["outcome"]
            if outcome == "not_stored":
                left.append(fact)
            elif outcome == "accepted":
                self.tally.accepted += 1
            elif outcome == "duplicate":
                self.tally.duplicate += 1
            else:
                self.tally.refused += 1
                self.tally.first_refusal = self.tally.first_refusal or f"{line['code']}: {line['detail']}"
        return left


def _asks_to_come_back(answer: httpx.Response) -> bool:
    return answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS


def _pause(attempt: int, answer: httpx.Response | None) -> float:
    asked = answer.headers.get("Retry-After", "") if answer is not None else ""
    own = delay(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=random.random())  # noqa: S311 - jitter
    return float(asked) if asked.isdecimal() else own.total_seconds()


def _detail(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code} {answer.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
