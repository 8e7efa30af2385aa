"""A stream ends: after its time, with its caller's token, with the token's key; and an address has only so many."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from fastapi import Request
from starlette.types import Message

from services.coverage.http.stream_limits import CountedStream, StreamLimits
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_shares import Share
from shared.runtime.auth import TokenVerifier
from shared.runtime.issuer_keys import KEYS_KEPT
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer

LONGEST = timedelta(minutes=15)
AN_HOUR = 3600


class World:
    """An issuer, a clock, and limits of one stream an address."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.issuer = Issuer(self.clock)
        verifier = TokenVerifier(self.issuer.keys, ISSUER, AUDIENCE, self.clock)
        self.limits = StreamLimits(Share(1), LONGEST, self.clock, Bearer(verifier))

    def request(self, token: str | None = None) -> Request:
        """Return a request for a stream."""
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        return Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 1)})

    async def lasts(self, request: Request, before: Callable[[int], None] = lambda _: None) -> int:
        """Return how many seconds the stream lasts, of an hour; `before` is called before each."""

        async def seconds() -> AsyncIterator[int]:
            for second in range(AN_HOUR):
                before(second)
                yield second
                self.clock.advance(timedelta(seconds=1))

        return len([one async for one in self.limits.within(request, seconds())])


@pytest.fixture
def world() -> World:
    """A world of this test's own."""
    return World()


async def test_a_stream_ends_after_its_time(world: World) -> None:
    """With or without a token."""
    assert await world.lasts(world.request()) == LONGEST.total_seconds()
    assert await world.lasts(world.request(world.issuer.token())) == LONGEST.total_seconds()


async def test_a_stream_ends_when_its_token_expires(world: World) -> None:
    """Clocks may differ by half a minute, as for any other request."""
    token = world.issuer.token(valid_for=timedelta(minutes=2))
    assert 120 <= await world.lasts(world.request(token)) <= 152


async def test_a_stream_ends_when_the_key_of_its_token_is_withdrawn(world: World) -> None:
    """As soon as a request with that token would be refused."""
    token = world.issuer.token()

    def before(second: int) -> None:
        if second == 60:
            world.issuer.rotate()

    assert 60 <= await world.lasts(world.request(token), before) <= KEYS_KEPT.total_seconds() + 2


async def test_an_address_has_so_many_streams_and_gets_the_place_back(world: World) -> None:
    """429 for the next one; a client that leaves makes room, also in the middle of a stream."""
    request = world.request()
    refused: list[int] = []

    async def content() -> AsyncIterator[bytes]:
        try:
            world.limits.demand_room(request)
        except Problem as problem:
            refused.append(problem.status)
        yield b"x"
        raise RuntimeError

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        """Drop it."""

    world.limits.demand_room(request)
    with pytest.raises(RuntimeError):
        await CountedStream(world.limits.share, content())(
            {**request.scope, "asgi": {"spec_version": "2.4"}}, receive, send
        )
    assert refused == [429]
    world.limits.demand_room(request)
