"""An upstream system: sends each fact until the registry has answered for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx

from shared.runtime.backoff import delay
from shared.runtime.errors import PermanentError, TransientError

Sleep = Callable[[float], Awaitable[None]]

CONCURRENCY: Final = 32
"""Requests in flight: enough for the registry to gather facts into one commit, few enough for two cores."""
_FIRST_PAUSE: Final = timedelta(milliseconds=100)
_LONGEST_PAUSE: Final = timedelta(seconds=2)
_TRIES: Final = 60
"""About two minutes: longer than any restart of a service, short enough that a dead one is noticed."""
_NOT_LET_IN: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


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
    """Sends facts to one registry with one token."""

    def __init__(self, client: httpx.AsyncClient, registry: str, token: str, sleep: Sleep = asyncio.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._url = f"{registry}/v1/facts"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
        self.tally = Tally()

    async def send_all(self, facts: Iterable[dict[str, Any]], concurrency: int = CONCURRENCY) -> None:
        """Return once every fact is answered for; the tally tells how.

        Raises: as `send` does, in an ExceptionGroup.
        """
        waiting = iter(facts)

        async def work() -> None:
            for fact in waiting:
                await self.send(fact)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())

    async def send(self, fact: dict[str, Any]) -> None:
        """Return once the registry has accepted, known or refused the fact.

        While the connection fails, or the registry fails or asks to wait, sends the same fact again; its id makes
        that safe.
        Raises: TransientError when it still has no answer after many tries; PermanentError for a bad token.
        """
        for attempt in range(1, _TRIES + 1):
            answer = await self._post(fact)
            if answer is not None and not _asks_to_come_back(answer):
                return self._count(answer)
            self.tally.sent_again += 1
            await self._sleep(_pause(attempt, answer))
        said = _detail(answer) if answer is not None else "no answer"
        raise TransientError(f"the registry does not take facts at {self._url} ({said}); see its log")

    async def _post(self, fact: dict[str, Any]) -> httpx.Response | None:
        try:
            return await self._client.post(self._url, json=fact, headers=self._headers)
        except httpx.TransportError:
            return None

    def _count(self, answer: httpx.Response) -> None:
        if answer.status_code in _NOT_LET_IN:
            raise PermanentError(f"the registry does not let the sample in: {_detail(answer)}")
        if answer.is_success and answer.json()["outcome"] == "accepted":
            self.tally.accepted += 1
        elif answer.is_success:
            self.tally.duplicate += 1
        else:
            self.tally.refused += 1
            self.tally.first_refusal = self.tally.first_refusal or _detail(answer)


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
