from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import httpx
import pytest

from deploy.local.sample.upstream import Upstream
from shared.runtime.errors import PermanentError, TransientError

Answer = Callable[[httpx.Request], httpx.Response]


def fact(name: str) -> dict[str, str]:
    return {"id": name, "source": "bpjs/aceh"}


def results(*outcomes: str) -> Answer:
    """Answer one line after another with these outcomes, the last for all that follow."""

    def answer(request: httpx.Request) -> httpx.Response:
        told = chain(outcomes, repeat(outcomes[-1]))
        lines = [{"outcome": outcome, "code": "conflict", "detail": f"line {number} is {outcome}"}
                 for number, (_, outcome) in enumerate(zip(sent(request), told, strict=False), 1)]  # fmt: skip
        return httpx.Response(200, json={"results": lines})

    return answer


def sent(request: httpx.Request) -> list[str]:
    """Return the ids in a request."""
    return [json.loads(line)["id"] for line in request.content.splitlines()]


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

    def upstream(self, lines: int = 10) -> Upstream:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return Upstream(client, "http://registry", "token", lines=lines, sleep=self._pause)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url == "http://registry/v1/facts/bulk"
        assert request.headers["authorization"] == "Bearer token"
        assert request.headers["content-type"] == "application/x-ndjson"
        self.received += sent(request)
        return next(self._answers)(request)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @staticmethod
    def _from(script: tuple[Answer, ...]) -> Iterator[Answer]:
        yield from script
        while True:
            yield script[-1]


async def test_each_fact_is_sent_once_when_all_goes_well() -> None:
    """A hundred facts are a hundred lines, whatever is in flight at once."""
    registry = Registry(results("accepted"))
    upstream = registry.upstream(lines=7)
    await upstream.send_all([fact(str(n)) for n in range(100)], concurrency=8)
    assert sorted(registry.received, key=int) == [str(n) for n in range(100)]
    assert (upstream.tally.accepted, upstream.tally.answered, upstream.tally.sent_again) == (100, 100, 0)


async def test_a_lost_connection_sends_the_same_facts_again() -> None:
    """Nobody knows whether the first try was stored: the ids tell, and the registry says duplicate."""
    registry = Registry(connection_lost, results("duplicate"))
    upstream = registry.upstream()
    await upstream.send([fact("a"), fact("b")])
    assert registry.received == ["a", "b", "a", "b"]
    assert (upstream.tally.duplicate, upstream.tally.accepted, upstream.tally.sent_again) == (2, 0, 2)
    assert 0 < registry.pauses[0] < 1


async def test_only_lines_that_were_not_stored_are_sent_again() -> None:
    """The others have their answer."""
    registry = Registry(results("accepted", "not_stored", "accepted"), results("accepted"))
    upstream = registry.upstream()
    await upstream.send([*map(fact, "abc")])
    assert registry.received == ["a", "b", "c", "b"]
    assert (upstream.tally.accepted, upstream.tally.sent_again) == (3, 1)


async def test_a_busy_registry_is_given_the_time_it_asks_for() -> None:
    """Retry-After is honoured to the second."""
    registry = Registry(busy, results("accepted"))
    upstream = registry.upstream()
    await upstream.send([fact("a")])
    assert registry.pauses == [7.0]
    assert upstream.tally.accepted == 1


async def test_a_refused_fact_is_not_sent_again() -> None:
    """A refusal is an answer: it is counted, the first one's words are kept, the other lines have theirs."""
    registry = Registry(results("refused", "conflict", "accepted"))
    upstream = registry.upstream()
    await upstream.send_all(map(fact, "abc"), concurrency=1)
    assert registry.received == ["a", "b", "c"]
    assert (upstream.tally.refused, upstream.tally.accepted) == (2, 1)
    assert upstream.tally.first_refusal == "conflict: line 1 is refused"


@pytest.mark.parametrize("status", [401, 403, 413])
async def test_a_request_that_is_refused_ends_the_play(status: int) -> None:
    """No fact can be sent like that, so it is said at once, in the registry's words."""
    upstream = Registry(refusing(status, "the token has expired")).upstream()
    with pytest.raises(PermanentError, match="the token has expired"):
        await upstream.send([fact("a")])


async def test_a_registry_that_stays_away_ends_the_play() -> None:
    """After about two minutes of tries the fact is given up, loudly, with what was last said."""
    registry = Registry(refusing(503, "the disk is full"))
    with pytest.raises(TransientError, match="the disk is full"):
        await registry.upstream().send([fact("a")])
    assert 60 < sum(registry.pauses) < 180
