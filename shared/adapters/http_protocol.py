"""uvicorn's HTTP protocol with limits that it lacks: connections, and the size of a request's head and its time.

It also answers with a problem where uvicorn would answer in plain text.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.adapters.http_problem import Problem, retry_after

CONNECTIONS_AT_MOST: Final = 1000
"""Many systems let a process open 1,024 files; each connection is one."""
HEAD_WITHIN_S: Final = 10.0
"""A head is one or two packets. A client that takes longer only occupies the connection."""
HEAD_BYTES_AT_MOST: Final = 64 * 1024
"""Far more than any token needs; h11 and most proxies have this limit or a lower one."""
_AROUND: Final = len(": \r\n")


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections that break a limit, after a problem if the client can still read one."""

    connections_at_most = CONNECTIONS_AT_MOST
    head_within_s = HEAD_WITHIN_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for the first request, and make room where all connections are taken."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._start_timer()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes; refuse a head that has grown too large."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_AT_MOST:
            self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the time limit for this head."""
        super().on_message_begin()
        self._in_head = True
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Pass the request to the application, or to the refusal that replaces it."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        if len(self.url) + sum(len(name) + len(value) + _AROUND for name, value in self.headers) > HEAD_BYTES_AT_MOST:
            self.app = _HEAD_TOO_LARGE
        elif len(self.connections) > self.connections_at_most and len(self._live()) > self.connections_at_most:
            self.app = _FULL
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head; an idle connection has uvicorn's own limit."""
        super().on_message_complete()
        self._in_head = True
        self._stop_timer()

    def on_response_complete(self) -> None:
        """Start the time limit for the rest of a body that the application did not read."""
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if not self._in_head:
            self._start_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Refuse bytes that are not HTTP."""
        self._refuse(_NO_HTTP)

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered on this connection and none has come whole."""
        return self._in_head and (self.cycle is None or self.cycle.response_complete)

    def _make_room(self) -> None:
        """Where there is one connection too many, close the oldest idle ones of the address that has most of them.

        So whoever opens connections and asks nothing takes no place from those who ask. A tenth is closed at once: to
        look through a thousand takes a millisecond, too long for each that comes.
        """
        if len(self.connections) <= self.connections_at_most:
            return
        live = self._live()
        idle = [one for one in live if one is not self and one._is_idle]
        if len(live) > self.connections_at_most and idle:
            counts = Counter(one.client and one.client[0] for one in idle)
            most = max(counts.values())
            crowd = [one for one in idle if counts[one.client and one.client[0]] == most]
            oldest = sorted(crowd, key=lambda one: float(one._idle_since))
            for one in oldest[: max(1, len(crowd) // 10)]:
                one.transport.close()

    def _live(self) -> list[Any]:
        """Return the connections that are not being closed: a closed one is in the list for a moment more."""
        return [one for one in self.connections if not one.transport.is_closing()]

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_within_s, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        if self._in_head and self._head_bytes:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, answer: Response) -> None:
        """Answer and close. If another answer is half sent, only close."""
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
