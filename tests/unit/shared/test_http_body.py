"""The time limit of a body: a base, and more for every byte received."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from starlette.types import Message, Receive, Scope, Send

from shared.adapters.http_body import SLOWEST_BYTES_A_SECOND, BodyError, BodyGuard

SCOPE: Scope = {"type": "http", "headers": []}


async def nowhere(message: Message) -> None:
    """Drop the answer."""


async def read(first: bytes) -> int:
    """Return the size of a body whose second part comes late, with a base time of 0."""
    arrived = [{"body": first, "more_body": True}, {"body": b"rest", "more_body": False}]
    taken: list[bytes] = []

    async def receive() -> Message:
        message = arrived.pop(0)
        if message["body"] == b"rest":
            # Long enough for a deadline in the past to be noticed: it takes two rounds of the loop.
            for _ in range(5):
                await asyncio.sleep(0)
        return {"type": "http.request", **message}

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (message := await receive())["more_body"]:
            taken.append(message["body"])
        taken.append(message["body"])

    await BodyGuard(app, timedelta(0))(SCOPE, receive, nowhere)
    return sum(map(len, taken))


async def test_received_bytes_extend_the_time() -> None:
    """A sender that keeps the slowest rate may take as long as it needs."""
    assert await read(bytes(60 * SLOWEST_BYTES_A_SECOND)) == 60 * SLOWEST_BYTES_A_SECOND + 4


async def test_a_trickle_does_not_extend_it() -> None:
    """Without bytes the body is refused."""
    with pytest.raises(BodyError) as caught:
        await read(b"")
    assert (caught.value.status_code, caught.value.code) == (408, "too_slow")
