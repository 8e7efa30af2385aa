"""Answers that a reader may keep: a strong ETag over the bytes sent, 304 where the reader has them, gzip where taken."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any, Final

import msgspec
from fastapi import Request
from fastapi.responses import Response

_WORTH_PACKING_BYTES: Final = 1024
"""Less fits into a packet as it is."""
_LEVEL: Final = 6
_COMMON: Final = {
    # Kept, but asked for anew each time: figures change from one second to the next, and cost nothing where they did not.
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
