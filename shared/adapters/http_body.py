"""Receives request bodies: unpacks gzip, and gives up on bodies that come too slowly."""

from __future__ import annotations

import asyncio
import zlib
from datetime import timedelta
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLOWEST_BYTES_A_SECOND: Final = 16 * 1024
"""A poor mobile line reaches this rate. A sender that keeps it may take as long as it needs."""
_PIECE: Final = 64 * 1024
"""Bytes unpacked at a time: a zip bomb gets no more memory before its reader stops."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_NAMES: Final = ("gzip", "x-gzip")
_EXCESS_AT_MOST: Final = 64 * 1024
"""Packed bytes beyond what they hold. gzip adds a few; so many more come only from endless empty parts."""


class BodyError(HTTPException):
    """A body that is refused. It is a Starlette error because FastAPI hides all others raised while a body is read."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.code = code


class BodyGuard:
    """ASGI middleware. The application reads unpacked bodies, or gets a BodyError where it reads them."""

    def __init__(self, app: ASGIApp, within: timedelta) -> None:
        self._app = app
        self._within = within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `receive`."""
        if scope["type"] == "http":
            receive = _Timed(receive, self._within.total_seconds())
            coding = Headers(scope=scope).get("content-encoding", "").strip().lower()
            if coding not in ("", "identity"):
                receive = _Unpacked(receive, coding)
        await self._app(scope, receive, send)


class _Timed:
    """A body's messages. All must come within `within_s`, and a second more for each 16 KiB received."""

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
            # Close the connection with the answer: the rest of the body might never end.
            raise BodyError(
                408, "too_slow", "the body came too slowly; send it again, over a better line or in parts",
                {"Connection": "close"},
            ) from None  # fmt: skip
        self._deadline += len(message.get("body", b"")) / SLOWEST_BYTES_A_SECOND
        self._complete = not message.get("more_body", False)
        return message


class _Unpacked:
    """A gzip body's messages, unpacked a piece at a time, so that the reader can stop before memory is full."""

    def __init__(self, receive: Receive, coding: str) -> None:
        self._receive = receive
        self._coding = coding
        self._unpacker = zlib.decompressobj(_GZIP)
        self._packed = b""
        self._begun = self._held = self._complete = False
        self._more = True
        self._excess = 0

    async def __call__(self) -> Message:
        """Return the next message. Raises: BodyError 415 for another coding, 422 for a broken gzip."""
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
        """Unpack the next bytes, at most a piece. A body may be several gzip files in a row."""
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
