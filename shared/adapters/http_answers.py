"""Answers that a reader may keep: a strong ETag over the bytes sent, 304 for who has them, gzip where taken."""

from __future__ import annotations

import gzip
import hashlib
import re
from typing import Any, Final

import msgspec
from fastapi import Request
from fastapi.responses import Response

_WORTH_PACKING_BYTES: Final = 1024
"""Less fits into a packet as it is."""
_LEVEL: Final = 6
_AS_OF: Final = re.compile(rb'"as_of":"[^"]*"')
_COMMON: Final = {
    # Kept, but asked after each time: figures may change from one second to the next.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding, Authorization",
}


def answer(
    request: Request, content: Any, *, media_type: str = "application/json", headers: dict[str, str] | None = None
) -> Response:
    """Return the content (bytes as they are, else as JSON), or 304 where the reader holds these very bytes."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    packed = len(body) >= _WORTH_PACKING_BYTES and _takes_gzip(request.headers.get("accept-encoding", ""))
    if packed:
        body = gzip.compress(body, _LEVEL, mtime=0)
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    about = _COMMON | {"ETag": etag} | (headers or {})
    if _holds(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=about)
    if packed:
        about["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=about)


def _holds(if_none_match: str | None, etag: str) -> bool:
    """Say whether the reader names this ETag; a proxy may have marked it weak."""
    known = [named.strip().removeprefix("W/") for named in (if_none_match or "").split(",")]
    return etag in known or "*" in known


def _takes_gzip(accept_encoding: str) -> bool:
    """Say whether gzip is among the encodings taken, by itself or as any, and not at a weight of 0."""
    weights = dict(_weighted(part) for part in accept_encoding.lower().split(","))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weighted(part: str) -> tuple[str, float]:
    name, _, weight = part.partition(";")
    try:
        return name.strip(), float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        return name.strip(), 0.0


class Steady:
    """Gives the same bytes as long as nothing but the moment of looking has changed, so that their ETag stays.

    `as_of` then tells an earlier moment at which all was as it is now. What was said last is remembered by address,
    in a few hundred bytes each.
    """

    def __init__(self, addresses_at_most: int = 20_000) -> None:
        self._said: dict[tuple[str, bool], tuple[bytes, list[bytes]]] = {}
        self._at_most = addresses_at_most

    def answer(self, request: Request, content: Any, *, in_full: bool) -> Response:
        """Return the content as `answer` does; `in_full` tells readers of one address apart who see more or less."""
        return answer(request, self.bytes_of((str(request.url), in_full), content))

    def bytes_of(self, address: tuple[str, bool], content: Any) -> bytes:
        """Return the content as JSON, its `as_of` being that of when it was first said so at this address."""
        body = msgspec.json.encode(content)
        state = hashlib.blake2b(_AS_OF.sub(b"", body), digest_size=16).digest()
        known, moments = self._said.get(address, (b"", []))
        if known == state:
            then = iter(moments)
            return _AS_OF.sub(lambda _now: next(then), body)
        if len(self._said) >= self._at_most:
            self._said.clear()
        self._said[address] = state, _AS_OF.findall(body)
        return body
