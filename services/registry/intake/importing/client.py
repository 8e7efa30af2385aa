"""Sends facts to the bulk route of a registry until every one is decided, however often the registry goes away."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from services.registry.intake.regions import RegionCodes
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.tasks import delay

PATIENCE: Final = timedelta(minutes=10)
"""Longer than a restart or a fail-over takes. If nothing is decided for so long, the registry is taken to be gone."""
_FIRST_PAUSE: Final = timedelta(milliseconds=250)
_LONGEST_PAUSE: Final = timedelta(seconds=5)
_TIMEOUT: Final = httpx.Timeout(60, connect=5)
_PACKING_LEVEL: Final = 1
"""The fastest. Facts pack to a tenth; senders may have poor lines."""
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
"""A line that is too slow, too many facts under way, trouble of the registry or of a proxy before it."""


class Answer(msgspec.Struct, frozen=True):
    """What the bulk route answers to one fact."""

    outcome: str
    source: str | None = None
    id: str | None = None
    code: str | None = None
    field: str | None = None
    detail: str = ""


class _Results(msgspec.Struct):
    results: list[Answer]
    warnings: list[dict[str, str]] = []


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a request has to be sent again, and how many seconds the registry asks to wait before."""

    reason: str
    wait_s: float = 0.0


class BulkClient:
    """Calls one registry. It reads the token anew for each call, since a token may be renewed during a long import."""

    def __init__(
        self,
        url: str,
        token_file: Path,
        region_codes: RegionCodes,
        on_wait: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = f"{url.rstrip('/')}/v1/facts/bulk"
        if not self._url.startswith(("http://", "https://")):
            raise PermanentError(f"{url} is no address of a registry; give one such as http://127.0.0.1:8001")
        self._token_file = token_file
        self._codes = {"region_codes": region_codes.value}
        self._on_wait = on_wait
        self._sleep = sleep
        self._clock = clock
        self._decided_at = clock()
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, transport=transport)
        self.warnings: dict[str, None] = {}
        """What the registry warned of, each once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, facts: Sequence[bytes]) -> list[Answer]:
        """Return the answer to each fact, in order, once all are decided; facts that were not stored are sent again.

        Raises: PermanentError, with the registry's own words, where it will not take the request. TransientError where
        nothing was decided for as long as `PATIENCE`.
        """
        decided: dict[int, Answer] = {}
        tries = 0
        while left := [place for place in range(len(facts)) if place not in decided]:
            answers = await self._post([facts[place] for place in left])
            trouble: _Trouble | None
            if isinstance(answers, _Trouble):
                trouble = answers
            else:
                decided |= {place: one for place, one in zip(left, answers, strict=True) if one.outcome != "not_stored"}
                trouble = next((_Trouble(one.detail) for one in answers if one.outcome == "not_stored"), None)
                if any(one.outcome != "not_stored" for one in answers):
                    self._decided_at, tries = self._clock(), 0
            if trouble is not None:
                tries += 1
                await self._wait(trouble, tries)
        return [decided[place] for place in range(len(facts))]

    async def _wait(self, trouble: _Trouble, tries: int) -> None:
        if self._clock() - self._decided_at > PATIENCE.total_seconds():
            raise TransientError(f"{trouble.reason}, for {PATIENCE}; run the same command again to go on")
        self._on_wait(trouble.reason)
        own = delay(tries, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=random.random())  # noqa: S311 - jitter
        await self._sleep(max(own.total_seconds(), trouble.wait_s))

    async def _post(self, facts: Sequence[bytes]) -> list[Answer] | _Trouble:
        headers = {
            "Authorization": f"Bearer {self._token_file.read_text().strip()}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }
        # The blank line keeps a broken first line from being taken for the mark of another format.
        body = gzip.compress(b"\n".join([b"", *facts]), _PACKING_LEVEL)
        try:
            answer = await self._http.post(self._url, params=self._codes, headers=headers, content=body)
        except httpx.TransportError as error:
            return _Trouble(f"no answer from {self._url} ({type(error).__name__})")
        if answer.status_code in _PASSING:
            asked = answer.headers.get("Retry-After", "")
            return _Trouble(_problem(answer), float(asked) if asked.isdecimal() else 0.0)
        if not answer.is_success:
            raise PermanentError(_problem(answer))
        try:
            decoded = msgspec.json.decode(answer.content, type=_Results)
        except msgspec.MsgspecError:
            raise PermanentError(f"{self._url} does not answer as a registry does; check --url") from None
        self.warnings |= dict.fromkeys(warning["detail"] for warning in decoded.warnings)
        return decoded.results


def _problem(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code}: {answer.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
