"""Speaks to the API about one file, as the command does; goes on where the connection or the server went away."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from services.registry.application.import_ports import Format, Reading
from shared.runtime.backoff import delay
from shared.runtime.errors import PermanentError, TransientError

Job = dict[str, Any]
Take = Callable[[httpx.Response], object]
Content = Callable[[], Iterator[bytes]]

PATIENCE: Final = timedelta(minutes=10)
"""Longer than a restart or a fail-over; then the server is thought to be gone."""
_FIRST_PAUSE: Final = timedelta(milliseconds=250)
_LONGEST_PAUSE: Final = timedelta(seconds=5)
_READ_AT_ONCE: Final = 256 * 1024
_TIMEOUT: Final = httpx.Timeout(60, connect=5)
_MEDIA_TYPES: Final = {Format.CSV: "text/csv", Format.NDJSON: "application/x-ndjson"}
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
"""A silence that was too long, too many imports, trouble of the server's or of what stands before it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A file and how it is read; `again` makes it another file than it was before."""

    file: Path
    reading: Reading
    again: str = ""

    @property
    def packed(self) -> bool:
        """Whether the file is gzip."""
        return self.file.suffix.lower() == ".gz"

    def key(self) -> str:
        """Return what names this file's content and reading: the same for whoever sends it again."""
        with self.file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        options = f"{self.reading.format}/{self.reading.region_codes}/{self.again}"
        return hashlib.sha256(f"{content}/{options}".encode()).hexdigest()


class ImportClient:
    """Calls one registry. The token is read anew for each call: it may be renewed while a file is imported."""

    def __init__(
        self,
        url: str,
        token_file: Path,
        on_wait: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._token_file = token_file
        self._on_wait = on_wait
        self._sleep = sleep
        self._clock = clock
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=_TIMEOUT, transport=transport)

    def find(self, key: str) -> Job | None:
        """Return the import that this file has become, if it was sent before."""
        items: list[Job] = self._called("GET", "/v1/imports", params={"key": key}).json()["items"]
        return items[0] if items else None

    def send(self, sending: Sending, key: str, on_sent: Callable[[int], None]) -> Job:
        """Return the import of the file; `on_sent` hears how many bytes have left, from 0 again after a cut."""
        headers = {
            "Content-Type": _MEDIA_TYPES[sending.reading.format],
            "Content-Length": str(sending.file.stat().st_size),
            "Idempotency-Key": key,
            **({"Content-Encoding": "gzip"} if sending.packed else {}),
        }
        codes = {"region_codes": sending.reading.region_codes.value}
        job: Job = self._called(
            "POST", "/v1/imports", params=codes, headers=headers, content=lambda: _parts(sending.file, on_sent)
        ).json()
        return job

    def job(self, id_: str) -> Job:
        """Return how an import stands."""
        job: Job = self._called("GET", f"/v1/imports/{id_}").json()
        return job

    def cancel(self, id_: str) -> Job:
        """Have an import cancelled."""
        job: Job = self._called("POST", f"/v1/imports/{id_}/cancel").json()
        return job

    def keep_rejected(self, job: Job, file: Path) -> None:
        """Write the rejected lines to a file as they come, whole or not at all."""
        fresh = file.with_name(f"{file.name}.tmp")

        def write(answer: httpx.Response) -> None:
            with fresh.open("wb") as opened:
                opened.writelines(answer.iter_bytes())

        self._called("GET", job["rejected"], take=write)
        fresh.replace(file)

    def _called(
        self, method: str, path: str, take: Take = httpx.Response.read, content: Content | None = None, **request: Any
    ) -> httpx.Response:
        """Return the answer to a call that the server took, read by `take`; what may pass is tried again.

        Raises: PermanentError with the problem's own words; TransientError where the server stays away.
        """
        began, tried = self._clock(), 0
        while True:
            trouble, wait = self._try(method, path, take, content, request)
            if isinstance(trouble, httpx.Response):
                return trouble
            if self._clock() - began > PATIENCE.total_seconds():
                raise TransientError(f"{trouble}, for {PATIENCE}; run the same command again to go on")
            tried += 1
            self._on_wait(trouble)
            own = delay(tried, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=random.random())  # noqa: S311 - jitter
            self._sleep(max(own.total_seconds(), wait))

    def _try(
        self, method: str, path: str, take: Take, content: Content | None, request: dict[str, Any]
    ) -> tuple[httpx.Response | str, float]:
        """Return the answer, or what keeps it from coming and how long the server asks to wait."""
        headers = {**request.get("headers", {}), "Authorization": f"Bearer {self._token_file.read_text().strip()}"}
        body = content() if content else None
        try:
            with self._http.stream(method, path, content=body, **{**request, "headers": headers}) as answer:
                if answer.is_success:
                    take(answer)
                    return answer, 0.0
                answer.read()
        except httpx.TransportError as error:
            return f"no answer from {self._http.base_url} ({type(error).__name__})", 0.0
        if answer.status_code in _PASSING:
            asked = answer.headers.get("Retry-After", "")
            return _told(answer), float(asked) if asked.isdecimal() else 0.0
        raise PermanentError(_told(answer))


def _parts(file: Path, on_sent: Callable[[int], None]) -> Iterator[bytes]:
    sent = 0
    with file.open("rb") as opened:
        while part := opened.read(_READ_AT_ONCE):
            yield part
            sent += len(part)
            on_sent(sent)


def _told(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code}: {answer.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
