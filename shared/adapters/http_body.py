"""How a request's body comes in: unpacked where it is gzip, and never more slowly than a sender in earnest sends."""

from __future__ import annotations

import asyncio
import zlib
from datetime import timedelta
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLOWEST_BYTES_A_SECOND: Final = 16 * 1024
"""A poor mobile line manages this; whoever keeps it up may send for as long as it takes."""
_PIECE: Final = 64 * 1024
"""Unpacked at once: all the memory that a bomb gets before its reader says stop."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_NAMES: Final = ("gzip", "x-gzip")
_EXCESS_AT_MOST: Final = 64 * 1024
"""gzip takes hardly more than what it holds; so much more is empty parts without end."""


class BodyError(HTTPException):
    """A body that cannot be taken. One of Starlette's own errors, since FastAPI lets no other through a body."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.code = code


class BodyGuard:
    """Gives the application bodies unpacked and in time; what cannot be is raised where the body is read."""

    def __init__(self, app: ASGIApp, within: timedelta) -> None:
        self._app = app
        self._within = within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            receive = _Timed(receive, self._within.total_seconds())
            coding = Headers(scope=scope).get("content-encoding", "").strip().lower()
            if coding not in ("", "identity"):
                receive = _Unpacked(receive, coding)
        await self._app(scope, receive, send)


class _Timed:
    """A body's messages; it has `within_s`, and a second more for each 16 KiB that came."""

    def __init__(self, receive: Receive, within_s: float) -> None:
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + within_s
        self._complete = False

    async def __call__(self) -> Message:
        """Return the next message. Raises: BodyError 408."""
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            # The rest may trickle in for ever: the connection ends with the answer.
            raise BodyError(
                408, "too_slow", "the body came too slowly; send it again, over a better line or in parts",
                {"Connection": "close"},
            ) from None  # fmt: skip
        self._deadline += len(message.get("body", b"")) / SLOWEST_BYTES_A_SECOND
        self._complete = not message.get("more_body", False)
        return message


class _Unpacked:
    """A gzip body's messages, a piece at a time, so that whoever reads them can stop before they fill the memory."""

    def __init__(self, receive: Receive, coding: str) -> None:
        self._receive = receive
        self._coding = coding
        self._unpacker = zlib.decompressobj(_GZIP)
        self._packed = b""
        self._begun = self._held = self._complete = False
        self._more = True
        self._excess = 0

    async def __call__(self) -> Message:
        """Return the next message. Raises: BodyError 415 for another coding, 422 for what is no gzip."""
        if self._coding not in _GZIP_NAMES:
            raise BodyError(
                415, "unsupported_encoding", "send the body as it is, or with Content-Encoding: gzip",
                {"Accept-Encoding": "gzip"},
            )  # fmt: skip
        if self._complete:
            return await self._receive()
        if not self._packed and not self._held:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._packed, self._more = message.get("body", b""), message.get("more_body", False)
        piece = self._unpack()
        more = self._more or self._held or bool(self._packed)
        if self._begun and not more and not self._unpacker.eof:
            raise _broken("it stops in the middle")
        self._complete = not more
        return {"type": "http.request", "body": piece, "more_body": more}

    def _unpack(self) -> bytes:
        """Return what the next bytes hold, at most a piece; a file may be several gzip files in a row."""
        if self._unpacker.eof and self._packed:
            self._unpacker = zlib.decompressobj(_GZIP)
        try:
            piece = self._unpacker.decompress(self._packed, _PIECE)
        except zlib.error:
            raise _broken("it is no gzip") from None
        left = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail
        self._begun = self._begun or bool(self._packed)
        self._excess += len(self._packed) - len(left) - len(piece)
        if self._excess > _EXCESS_AT_MOST:
            raise _broken("it holds next to nothing")
        self._packed = left
        self._held = len(piece) == _PIECE and not self._unpacker.eof
        return piece


def _broken(reason: str) -> BodyError:
    return BodyError(422, "malformed_encoding", f"the body cannot be unpacked: {reason}; pack it again and send it")
