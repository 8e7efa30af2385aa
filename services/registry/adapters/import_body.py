"""The body of an upload, part by part, and no more of it than is allowed; `BodyGuard` has unpacked it already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request

from shared.adapters.http_api import Problem

UNPACKS_TO_AT_MOST: Final = 100
"""Times its packed size. Files of facts pack to a fifth or a thirtieth; gzip itself could make a thousandth."""


def parts_of(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    """Return the body's parts.

    Raises: Problem 413 for a length that is too much, 411 for a packed body of unknown length; while it is read, 413
    where it grows, or unpacks, to too much.
    """
    length = request.headers.get("content-length")
    packed = request.headers.get("content-encoding", "identity").strip().lower() != "identity"
    if packed and length is None:
        raise Problem(411, "length_required", "send a packed file with its Content-Length, or send it as it is")
    bounds = {f"over {most_bytes} bytes; divide it": most_bytes}
    if length is not None and packed:
        bounds[f"over {UNPACKS_TO_AT_MOST} times what was sent; send it as it is"] = int(length) * UNPACKS_TO_AT_MOST
    _demand(int(length or 0), {} if packed else bounds)
    return _bounded(request.stream(), bounds)


async def _bounded(parts: AsyncIterator[bytes], bounds: dict[str, int]) -> AsyncIterator[bytes]:
    size = 0
    async for part in parts:
        size += len(part)
        _demand(size, bounds)
        yield part


def _demand(size: int, bounds: dict[str, int]) -> None:
    for trouble, most in bounds.items():
        if size > most:
            raise Problem(413, "too_large", f"the file, unpacked, is {trouble}")
