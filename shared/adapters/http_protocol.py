"""What a connection may take up before it has asked for anything: uvicorn's protocol with the bounds that it lacks.

uvicorn bounds neither the size of a request's head nor the time it takes, and answers in plain text where it refuses.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.adapters.http_api import Problem, retry_after

CONNECTIONS_AT_MOST: Final = 1000
"""Under the 1,024 open files that many systems allow a process."""
HEAD_WITHIN_S: Final = 10.0
"""A head is a packet or two; only who wants to hold the connection takes longer."""
HEAD_BYTES_AT_MOST: Final = 64 * 1024
"""Far more than any token needs; h11 and most proxies draw the line here or lower."""
_AROUND: Final = len(": \r\n")


class BoundedProtocol(HttpToolsProtocol):
    """Ends connections that do not come to the point, with a problem where somebody may listen."""

    connections_at_most = CONNECTIONS_AT_MOST
    head_within_s = HEAD_WITHIN_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, but not for long."""
        super().connection_made(transport)
        self._lose_patience_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._be_patient()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head has come to more than is taken."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_AT_MOST:
            self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Expect a head."""
        super().on_message_begin()
        self._in_head = True
        self._lose_patience_later()

    def on_headers_complete(self) -> None:
        """Pass the request on to the application, or to the answer that refuses it."""
        self._in_head = False
        self._head_bytes = 0
        self._be_patient()
        if len(self.url) + sum(len(name) + len(value) + _AROUND for name, value in self.headers) > HEAD_BYTES_AT_MOST:
            self.app = _HEAD_TOO_LARGE
        elif len(self.connections) > self.connections_at_most:
            self.app = _FULL
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        super().on_message_complete()
        self._in_head = True
        self._be_patient()

    def on_response_complete(self) -> None:
        """Let the rest of a body that nobody waits for come in, but not for long."""
        super().on_response_complete()
        if not self._in_head:
            self._lose_patience_later()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Refuse what is no HTTP, as a problem."""
        self._refuse(_NO_HTTP)

    def _lose_patience_later(self) -> None:
        self._be_patient()
        self._patience = self.loop.call_later(self.head_within_s, self._give_up)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        if self._in_head and self._head_bytes:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, answer: Response) -> None:
        """Answer and hang up; where another answer is under way there is no place for this one."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
            self.transport.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()


def _closing(status: int, code: str, detail: str, **headers: str) -> Response:
    return Problem(status, code, detail, headers={"Connection": "close", **headers}).response()


_HEAD_TOO_LARGE: Final = _closing(
    431, "headers_too_large", f"address and headers have over {HEAD_BYTES_AT_MOST} bytes; send less"
)
_FULL: Final = _closing(
    503, "too_many_connections", "too many connections are open; keep one open instead, or come back", **retry_after()
)
_NO_HTTP: Final = _closing(400, "malformed_http", "this is not HTTP/1.1; check what sends it")
_TOO_SLOW: Final = _closing(408, "too_slow", "the headers came too slowly; send the request again")
