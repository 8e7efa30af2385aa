"""Packed, slow, cut off and endless bodies over a real socket."""

from __future__ import annotations

import gzip
import logging
import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest

from tests.integration.shared.serving import LIMIT, connection, sizing

HEAD = b"POST /v1/size HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
TEXT = b"sixteen letters." * 4_096


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """An application for all tests that do not disturb each other."""
    async with sizing() as address:
        yield address


async def size(url: str, body: bytes, coding: str) -> httpx.Response:
    """Post a body under a content coding."""
    async with httpx.AsyncClient(timeout=30) as http:
        return await http.post(f"{url}/v1/size", content=body, headers={"content-encoding": coding})


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
@pytest.mark.parametrize(
    ("packed", "holds"),
    [
        (gzip.compress(TEXT), len(TEXT)),
        (gzip.compress(b""), 0),
        (gzip.compress(TEXT) + gzip.compress(b"and more"), len(TEXT) + 8),
        (gzip.compress(os.urandom(300_000)), 300_000),
        (gzip.compress(bytes(LIMIT)), LIMIT),
    ],
    ids=["text", "nothing", "two in a row", "noise", "as long as may be"],
)
async def test_a_gzip_body_is_unpacked(url: str, packed: bytes, holds: int, coding: str) -> None:
    """Text, nothing, two files in a row, random bytes, and exactly the limit."""
    answer = await size(url, packed, coding)
    assert (answer.status_code, answer.text) == (200, str(holds))


async def test_a_bomb_is_refused_before_it_takes_up_memory(url: str) -> None:
    """200 MB of zeros in 200 KB: 413, and only the limit and a piece were unpacked."""
    bomb = gzip.compress(bytes(200_000_000), compresslevel=9)
    tracemalloc.start()
    answer = await size(url, bomb, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert peak < 4 * LIMIT


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        (gzip.compress(TEXT)[:-9], "stops in the middle"),
        (b"\x1f\x8b", "stops in the middle"),
        (TEXT, "no gzip"),
        (zlib.compress(TEXT), "no gzip"),
        (gzip.compress(TEXT) + b"\x00", "stops in the middle"),
        (gzip.compress(TEXT)[:-6] + b"\xff" * 6, "no gzip"),
        (gzip.compress(b"") * 10_000, "next to nothing"),
    ],
)
async def test_a_broken_gzip_is_refused_with_what_is_wrong(url: str, packed: bytes, says: str) -> None:
    """Cut off, no gzip, garbage after it, a wrong checksum, endless empty parts."""
    answer = await size(url, packed, "gzip")
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_encoding")
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd"])
async def test_another_coding_is_refused(url: str, coding: str) -> None:
    """415, and Accept-Encoding names gzip (RFC 9110, 15.5.16)."""
    answer = await size(url, gzip.compress(TEXT), coding)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
    assert answer.headers["accept-encoding"] == "gzip"


async def test_slow_bodies_do_not_hold_up_the_rest(url: str) -> None:
    """Others are answered while fifty senders have stopped in the middle of a body."""
    async with AsyncExitStack() as held, httpx.AsyncClient(timeout=30) as http:
        for _ in range(50):
            slow = await held.enter_async_context(connection(url))
            await slow.say(HEAD + b"x")
        token = {"Authorization": "Bearer x"}
        answers = [await http.post(f"{url}/v1/size", content=TEXT, headers=token) for _ in range(20)]
    assert {answer.text for answer in answers} == {str(len(TEXT))}


async def test_a_body_that_does_not_come_in_time_ends_the_connection() -> None:
    """408 as a problem, and the connection is closed."""
    async with sizing(body_within=timedelta(milliseconds=100)) as url, connection(url) as slow:
        await slow.say(HEAD + b"x")
        answer = await slow.until_closed()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"too_slow"' in answer
    assert b"connection: close" in answer.lower()


async def test_an_incomplete_body_logs_no_error_and_the_server_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The connection is cut, or the sender ends before the announced length."""
    with caplog.at_level(logging.ERROR):
        async with sizing() as url, httpx.AsyncClient(timeout=30) as http:
            for _ in range(5):
                async with connection(url) as cut:
                    await cut.say(HEAD + b"x" * 50)
            async with connection(url) as chunked:
                await chunked.say(HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked") + b"5\r\nabc")
            assert (await http.post(f"{url}/v1/size", content=TEXT)).text == str(len(TEXT))
    assert caplog.records == []
