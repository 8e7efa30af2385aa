"""A small body that would unpack to very many lines or rows is refused while it is unpacked."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from shared.adapters.body_limits import LineLimit, ObjectLimit
from shared.adapters.http_api import read_body
from shared.adapters.http_body import BodyGuard
from shared.adapters.http_problem import Problem

MIB = 1024 * 1024
PACKED = [(b"content-encoding", b"gzip")]


async def unpacked_before_refusal(packed: bytes, limit: int, check: Callable[[bytes], None]) -> int:
    """Return how many bytes had been unpacked when the body was refused with 413."""
    counted = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": packed, "more_body": False}

    async def app(scope: Scope, receive: Receive, _send: Send) -> None:
        async def counting() -> Message:
            nonlocal counted
            message = await receive()
            counted += len(message["body"])
            return message

        with pytest.raises(Problem) as caught:
            await read_body(Request(scope, counting), limit, check)
        assert (caught.value.status, caught.value.code) == (413, "too_large")

    await BodyGuard(app, timedelta(seconds=30))({"type": "http", "headers": PACKED}, receive, receive)  # type: ignore[arg-type]
    return counted


@pytest.mark.parametrize("line", [b"a,b\n", b"{}\r\n", b"\n", b"{}\r"])
async def test_ten_thousand_lines_end_the_reading_of_millions(line: bytes) -> None:
    """Of eight mebibytes in a few kilobytes no more is unpacked than the lines allowed, and one piece."""
    packed = gzip.compress(line * (8 * MIB // len(line)))
    assert len(packed) < 20_000
    assert await unpacked_before_refusal(packed, 8 * MIB, LineLimit(10_000)) <= 20_000 * len(line) + 2 * 64 * 1024


async def test_a_hundred_thousand_rows_end_the_reading_of_reference_data() -> None:
    """27 MB of empty objects, and a file of too many lines."""
    objects = gzip.compress(b"[" + b"{}," * 9_000_000)
    assert await unpacked_before_refusal(objects, 32 * MIB, ObjectLimit(100_000)) < MIB
    lines = gzip.compress(b"11,x\n" * 6_000_000)
    assert await unpacked_before_refusal(lines, 32 * MIB, LineLimit(100_000, header=True)) < MIB


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b""]), max_size=30), st.integers(1, 4))
def test_the_same_lines_are_counted_however_they_are_cut(parts: list[bytes], size: int) -> None:
    """A piece may end anywhere; only between CR and LF one end is counted twice, which only blank lines feel."""
    body = b"".join(parts)
    filled = sum(1 for line in body.splitlines() if line)

    def refused(at_most: int) -> bool:
        limit = LineLimit(at_most)
        try:
            for start in range(0, len(body), size):
                limit(body[start : start + size])
        except Problem:
            return True
        return False

    assert refused(filled - 1) or filled == 0
    assert not refused(max(filled, len(body)))
