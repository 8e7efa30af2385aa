"""Answers that a reader may keep: an ETag, a 304 for a reader who holds the answer, gzip for a reader who takes it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import msgspec
from fastapi import Request
from fastapi.responses import Response

_WORTH_PACKING_BYTES: Final = 1024
"""A shorter answer fits into one packet unpacked."""
_LONG_BYTES: Final = 128 * 1024
"""To pack a longer one takes over 5 ms, in which nobody else would be served; a short one waits for no thread."""
_LEVEL: Final = 6
_PROCESS: Final = secrets.token_hex(8)
"""Part of each ETag of versions: another process may run other code, which answers otherwise from the same versions."""
_COMMON: Final = {
    # A reader keeps the answer but asks each time: figures may change from one second to the next.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding, Authorization",
}


def answer(
    request: Request, content: object, *, etag: str | None = None, media_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """Return the content (bytes as they are, anything else as JSON), or 304 if the reader holds it.

    The ETag is the one given, or else a strong one over the bytes sent.
    """
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    packed = len(body) >= _WORTH_PACKING_BYTES and _takes_gzip(request.headers.get("accept-encoding", ""))
    if packed:
        body = gzip.compress(body, _LEVEL, mtime=0)
    etag = etag or f'"{_digest(body)}"'
    about = _COMMON | {"ETag": etag} | (headers or {})
    if _holds(request, etag):
        return Response(status_code=304, headers=about)
    if packed:
        about["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=about)


async def answer_unless_held(
    request: Request, versions: object, build: Callable[[], Awaitable[object]], **about: Any
) -> Response:
    """Return what `build` gives, or 304 without building it if the reader holds an answer of the same versions.

    `versions` is everything that the content depends on, read before it. The ETag is weak: two answers of the same
    versions may differ in `as_of`, the time of reading. `about` is passed on to `answer`.
    """
    address = [request.scope["path"], request.scope["query_string"]]
    etag = f'W/"{_digest(msgspec.json.encode([_PROCESS, *address, versions]))}"'
    if _holds(request, etag):
        return Response(status_code=304, headers=_COMMON | {"ETag": etag})
    content = await build()
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    finish = partial(answer, request, body, etag=etag, **about)
    return await asyncio.to_thread(finish) if len(body) > _LONG_BYTES else finish()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _holds(request: Request, etag: str) -> bool:
    """Say whether the reader names this ETag; a proxy may have marked it weak."""
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in known or "*" in known


def _takes_gzip(accept_encoding: str) -> bool:
    """Say whether the reader takes gzip: it is named, or `*` is, with a weight above 0."""
    weights = dict(_weighted(part) for part in accept_encoding.lower().split(","))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weighted(part: str) -> tuple[str, float]:
    name, _, weight = part.partition(";")
    try:
        return name.strip(), float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        return name.strip(), 0.0
