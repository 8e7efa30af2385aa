"""Connections that break a limit, and unknown paths and methods."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from shared.adapters.http_protocol import HEAD_BYTES_AT_MOST, BoundedProtocol
from tests.integration.shared.serving import connection, sizing

GET = b"GET /v1/size HTTP/1.1\r\nHost: x\r\n"


class Impatient(BoundedProtocol):
    """Waits a twentieth of a second for a head."""

    head_within_s = 0.05


class Crowded(BoundedProtocol):
    """Has room for two connections."""

    connections_at_most = 2


def problem(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Return status and body of a problem."""
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"content-type: application/problem+json" in head.lower()
    return int(head.split(b" ")[1]), json.loads(body)


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X: " + b"x" * HEAD_BYTES_AT_MOST + b"\r\n\r\n",
        GET + b"X: y\r\n" * (HEAD_BYTES_AT_MOST // 4) + b"\r\n",
        b"GET /" + b"x" * (HEAD_BYTES_AT_MOST - 10) + b" HTTP/1.1\r\nHost: x\r\nX: longer\r\n\r\n",
    ],
)
async def test_a_head_that_is_too_large_is_refused_and_the_connection_ends(head: bytes) -> None:
    """One long header, many short ones, a long address."""
    async with sizing() as url, connection(url) as sender:
        await sender.say(head)
        status, body = problem(await sender.until_closed())
    assert (status, body["code"]) == (431, "headers_too_large")


async def test_a_head_without_end_ends_the_connection() -> None:
    """The rest is not read, and the server goes on."""
    async with sizing() as url, connection(url) as sender, httpx.AsyncClient(timeout=30) as http:
        await sender.say(GET + b"X: " + b"x" * 8 * HEAD_BYTES_AT_MOST)
        await sender.until_closed()
        assert (await http.get(f"{url}/v1/size")).status_code == 200


async def test_a_head_that_comes_too_slowly_is_refused_and_the_connection_ends() -> None:
    """408; a connection that has sent nothing is closed without an answer."""
    async with sizing(protocol=Impatient) as url, connection(url) as slow, connection(url) as silent:
        await slow.say(GET)
        status, body = problem(await slow.until_closed())
        assert await silent.until_closed() == b""
    assert (status, body["code"]) == (408, "too_slow")


async def test_an_unread_body_that_comes_too_slowly_ends_the_connection() -> None:
    """The answer was sent before the body came; the rest of the body may not take for ever."""
    async with sizing(protocol=Impatient) as url, connection(url) as slow:
        await slow.say(b"POST /v1/unread HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        assert (await slow.until_closed()).endswith(b"\r\n\r\n0")


async def test_one_connection_carries_many_requests() -> None:
    """Two requests in one packet, then an unread body and another request."""
    async with sizing() as url, connection(url) as one:
        await one.say((GET + b"\r\n") * 2)
        assert [(await one.answer())[-1:] for _ in range(2)] == [b"0", b"0"]
        await one.say(b"POST /v1/unread HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        await one.say(b"POST /v1/size HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert [(await one.answer())[-1:] for _ in range(2)] == [b"0", b"2"]


async def test_one_connection_too_many_is_refused_while_all_others_are_at_work() -> None:
    """503 with Retry-After; when another connection ends, there is room again."""
    async with sizing(protocol=Crowded) as url:
        async with connection(url) as first, connection(url) as second:
            for one in (first, second):
                await one.say(b"POST /v1/size HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            async with connection(url) as third:
                await third.say(GET + b"\r\n")
                answer = await third.until_closed()
        assert problem(answer)[1]["code"] == "too_many_connections"
        assert b"retry-after: 1\r\n" in answer.lower()
        async with httpx.AsyncClient(timeout=30) as http:
            assert (await http.get(f"{url}/v1/size")).status_code == 200


async def test_silent_connections_make_room_for_one_that_asks() -> None:
    """However many are opened and say nothing, the next caller is answered; the oldest silent one is closed."""
    async with AsyncExitStack() as held, sizing(protocol=Crowded) as url, httpx.AsyncClient(timeout=30) as http:
        silent = [await held.enter_async_context(connection(url)) for _ in range(10)]
        assert (await http.get(f"{url}/v1/size")).status_code == 200
        assert await silent[0].until_closed() == b""


async def test_a_burst_of_silent_connections_turns_nobody_away() -> None:
    """Those that are being closed count for nothing: whoever asks in the moment in which all come is answered."""
    async with sizing(protocol=Crowded) as url:
        place = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        # The server's loop is this one: it sees them only when all are there, and the last has asked.
        burst = [socket.create_connection(place) for _ in range(100)]
        burst[-1].sendall(GET + b"Connection: close\r\n\r\n")
        burst[-1].setblocking(False)
        answer = await asyncio.get_running_loop().sock_recv(burst[-1], 1024)
        for one in burst:
            one.close()
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "text",
    [b"\x16\x03\x01\x02\x00", b"HELLO\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", GET + b"Content-Length: -1\r\n\r\n"],
)
async def test_bytes_that_are_not_http_are_refused(text: bytes) -> None:
    """TLS on a plain port, another protocol, illegal bytes in the address, a negative length."""
    async with sizing() as url, connection(url) as stranger:
        await stranger.say(text)
        status, body = problem(await stranger.until_closed())
    assert (status, body["code"]) == (400, "malformed_http")


async def test_an_unknown_path_or_method_is_a_problem() -> None:
    """404 points to the documents; 405 names every method of the path."""
    async with sizing() as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
        for path in ("/", "/v1/size/", "/v1/nothing", "/v1/%00"):
            answer = await http.get(path)
            assert (answer.status_code, "application/problem+json" in answer.headers["content-type"]) == (404, True)
            assert "/docs" in answer.json()["detail"]
        refused = await http.delete("/v1/size")
        assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
        assert refused.headers["allow"] == "GET, HEAD, POST"
