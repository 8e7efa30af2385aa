"""An upstream system that sends in bulk to any replica, and again whatever was not answered for good."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Final

import httpx

from tests.chaos.replicas import Replica
from tests.stream import Event

_LINES_AT_MOST: Final = 300
_AGAIN_AFTER_S: Final = 0.05


class Upstream:
    """Sends a stream; `taken` are the facts that the registry has, `conflicts` those whose id another fact has."""

    def __init__(self, http: httpx.AsyncClient, replicas: Sequence[Replica], token: str, seed: int) -> None:
        self._http = http
        self._replicas = replicas
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"}
        self._chance = Random(f"upstream {seed}")
        self._waiting: deque[Event] = deque()
        self._on_the_way = 0
        self.taken: dict[tuple[str, str], Event] = {}
        self.conflicts: list[Event] = []
        self.answered = 0
        self.unanswered_requests = 0

    async def send(self, arriving: Sequence[Event], senders: int) -> None:
        """Return once every fact of the stream was answered for good."""
        self._waiting.extend(arriving)
        await asyncio.gather(*(self._sender() for _ in range(senders)))

    async def _sender(self) -> None:
        while self._waiting or self._on_the_way:
            size = min(len(self._waiting), self._chance.randint(1, _LINES_AT_MOST))
            lines = [self._waiting.popleft() for _ in range(size)]
            self._on_the_way += len(lines)
            again = await self._post(lines) if lines else []
            self._on_the_way -= len(lines)
            self._waiting.extend(again)
            if again or not lines:
                await asyncio.sleep(_AGAIN_AFTER_S)

    async def _post(self, lines: Sequence[Event]) -> Sequence[Event]:
        """Return those to be sent again."""
        url = f"{self._chance.choice(self._replicas).url}/v1/facts/bulk"
        body = "\n".join(json.dumps(line) for line in lines)
        try:
            answer = await self._http.post(url, content=body, headers=self._headers)
        except httpx.TransportError:
            self.unanswered_requests += 1
            return lines
        if answer.status_code in (429, 503):
            return lines
        assert answer.status_code == 200, answer.text
        results = answer.json()["results"]
        return [fact for fact, result in zip(lines, results, strict=True) if not self._settled(fact, result)]

    def _settled(self, fact: Event, result: Event) -> bool:
        """Note what became of a fact; False where it must be sent again."""
        key = fact["source"], fact["id"]
        match result["outcome"]:
            case "accepted" | "duplicate":
                assert self.taken.setdefault(key, fact) == fact, f"{key} was taken with two contents"
            case "conflict":
                self.conflicts.append(fact)
            case "not_stored":
                return False
            case "refused":
                assert result["code"] == "unknown_card", (fact, result)
                return False
        self.answered += 1
        return True
