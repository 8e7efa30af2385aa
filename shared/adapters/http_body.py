"""Receives request bodies: unpacks gzip, and gives up on bodies that come too slowly."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
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
_MAX_EXCESS: Final = 64 * 1024
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
        self._within_s = within.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `receive`."""
        if scope["type"] == "http":
            receive = _timed(receive, self._within_s)
            coding = Headers(scope=scope).get("content-encoding", "").strip().lower()
            if coding not in ("", "identity"):
                receive = partial(anext, _unpacked(receive, coding))
        await self._app(scope, receive, send)


def _timed(receive: Receive, within_s: float) -> Receive:
    """Return `receive` with a time limit for the body: `within_s`, and a second more for each 16 KiB received.

    The new function raises BodyError 408.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    is_complete = False

    async def timed() -> Message:
        nonlocal deadline, is_complete
        if is_complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            # Close the connection with the answer: the rest of the body might never end.
            raise BodyError(
                408, "too_slow", "the body came too slowly; send it again, over a better line or in parts",
                {"Connection": "close"},
            ) from None  # fmt: skip
        deadline += len(message.get("body", b"")) / SLOWEST_BYTES_A_SECOND
        is_complete = not message.get("more_body", False)
        return message

    return timed


async def _unpacked(receive: Receive, coding: str) -> AsyncIterator[Message]:
    """Yield a gzip body's messages, unpacked a piece at a time, so that the reader can stop before memory is full.

    A body may be several gzip files in a row. Raises: BodyError 415 for another coding, 422 for a broken gzip.
    """
    if coding not in _GZIP_NAMES:
        raise BodyError(
            415, "unsupported_encoding", "send the body as it is, or with Content-Encoding: gzip",
            {"Accept-Encoding": "gzip"},
        )  # fmt: skip
    unpacker, size, excess, more = zlib.decompressobj(_GZIP), 0, 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            yield message
            continue
        packed, more, has_output = message.get("body", b""), message.get("more_body", False), False
        size += len(packed)
        while packed or has_output:
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            try:
                piece = unpacker.decompress(packed, _PIECE)
            except zlib.error:
                raise _broken("it is no gzip") from None
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            excess += len(packed) - len(left) - len(piece)
            if excess > _MAX_EXCESS:
                raise _broken("it holds next to nothing")
            packed, has_output = left, len(piece) == _PIECE and not unpacker.eof
            yield {"type": "http.request", "body": piece, "more_body": True}
            # A few packed bytes may hold many pieces: others get their turn between them.
            await asyncio.sleep(0)
    if size and not unpacker.eof:
        raise _broken("it stops in the middle")
    yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield await receive()


def _broken(reason: str) -> BodyError:
    return BodyError(422, "malformed_encoding", f"the body cannot be unpacked: {reason}; pack it again and send it")
