from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from deploy.local.sample.upstream import Upstream
from shared.runtime.errors import PermanentError, TransientError

Answer = Callable[[httpx.Request], httpx.Response]


def fact(name: str) -> dict[str, str]:
    return {"id": name, "source": "bpjs/aceh"}


def accepted(_: httpx.Request) -> httpx.Response:
    return httpx.Response(202, json={"outcome": "accepted"})


def known(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"outcome": "duplicate"})


def connection_lost(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("the service was killed")


def busy(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": "7"}, json={"detail": "MongoDB does not answer"})


def refusing(status: int, detail: str) -> Answer:
    return lambda _: httpx.Response(status, json={"detail": detail})


class Registry:
    """Answers from a script, its last answer for ever; remembers what it was sent and the pauses between."""

    def __init__(self, *script: Answer) -> None:
        self.received: list[str] = []
        self.pauses: list[float] = []
        self._answers = self._from(script)

    def upstream(self) -> Upstream:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return Upstream(client, "http://registry", "token", self._pause)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url == "http://registry/v1/facts"
        assert request.headers["authorization"] == "Bearer token"
        assert request.headers["content-type"] == "application/cloudevents+json"
        self.received.append(json.loads(request.content)["id"])
        return next(self._answers)(request)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @staticmethod
    def _from(script: tuple[Answer, ...]) -> Iterator[Answer]:
        yield from script
        while True:
            yield script[-1]


async def test_each_fact_is_sent_once_when_all_goes_well() -> None:
    """A hundred facts make a hundred requests, whatever is in flight at once."""
    registry = Registry(accepted)
    upstream = registry.upstream()
    await upstream.send_all([fact(str(n)) for n in range(100)], concurrency=8)
    assert sorted(registry.received, key=int) == [str(n) for n in range(100)]
    assert (upstream.tally.accepted, upstream.tally.answered, upstream.tally.sent_again) == (100, 100, 0)


async def test_a_lost_connection_sends_the_same_fact_again() -> None:
    """Nobody knows whether the first try was stored: the id tells, and the registry says duplicate."""
    registry = Registry(connection_lost, known)
    upstream = registry.upstream()
    await upstream.send(fact("a"))
    assert registry.received == ["a", "a"]
    assert (upstream.tally.duplicate, upstream.tally.accepted, upstream.tally.sent_again) == (1, 0, 1)
    assert 0 < registry.pauses[0] < 1


async def test_a_busy_registry_is_given_the_time_it_asks_for() -> None:
    """Retry-After is honoured to the second."""
    registry = Registry(busy, accepted)
    upstream = registry.upstream()
    await upstream.send(fact("a"))
    assert registry.pauses == [7.0]
    assert upstream.tally.accepted == 1


@pytest.mark.parametrize("status", [409, 413, 422])
async def test_a_refused_fact_is_not_sent_again(status: int) -> None:
    """A refusal is an answer: it is counted, the first one's words are kept, the next fact follows."""
    registry = Registry(refusing(status, "give it a new id"), refusing(status, "other"), accepted)
    upstream = registry.upstream()
    await upstream.send_all(map(fact, "abc"), concurrency=1)
    assert registry.received == ["a", "b", "c"]
    assert (upstream.tally.refused, upstream.tally.accepted) == (2, 1)
    assert upstream.tally.first_refusal == f"{status} give it a new id"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_bad_token_ends_the_play(status: int) -> None:
    """No fact can be sent with it, so it is said at once, in the registry's words."""
    upstream = Registry(refusing(status, "the token has expired")).upstream()
    with pytest.raises(PermanentError, match="the token has expired"):
        await upstream.send(fact("a"))


async def test_a_registry_that_stays_away_ends_the_play() -> None:
    """After about two minutes of tries the fact is given up, loudly, with what was last said."""
    registry = Registry(refusing(503, "the disk is full"))
    with pytest.raises(TransientError, match="the disk is full"):
        await registry.upstream().send(fact("a"))
    assert 60 < sum(registry.pauses) < 180
