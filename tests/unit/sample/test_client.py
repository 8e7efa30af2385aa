"""How the sample sends: until each fact is answered for; and how it remembers its first play."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

import httpx
import pytest

from deploy.local.sample.client import Client
from deploy.local.sample.scenario import remembered_anchor
from deploy.local.settings import Home, StackConfig
from shared.adapters.kafka_access import KafkaAccess
from shared.runtime.errors import PermanentError, TransientError
from tests.fakes import ManualClock

Answer = Callable[[httpx.Request], httpx.Response]


def results(*outcomes: str) -> Answer:
    """Answer one line after another with these outcomes, the last for all that follow."""

    def answer(request: httpx.Request) -> httpx.Response:
        given = chain(outcomes, repeat(outcomes[-1]))
        lines = [{"outcome": next(given), "detail": "not this one"} for _ in request.content.splitlines()]
        return httpx.Response(200, json={"results": lines})

    return answer


def connection_lost(_: httpx.Request) -> httpx.Response:
    """Answer nothing."""
    raise httpx.ReadError("the service was killed")


def failing(status: int, **headers: str) -> Answer:
    """Answer with an error."""
    return lambda _: httpx.Response(status, headers=headers, text="the disk is full")


class Registry:
    """Answers from a script, its last answer for ever; remembers what it was sent and the pauses between."""

    def __init__(self, folder: Path, *script: Answer) -> None:
        self.received: list[str] = []
        self.pauses: list[float] = []
        self._answers = chain(script, repeat(script[-1]))
        home = Home(folder)
        home.make()
        (home.tokens / "upstream.jwt").write_text("token\n")
        self._config = StackConfig(home, "registry", {"registry": 80}, KafkaAccess("kafka"), "", "")

    def client(self, lines: int = 10) -> Client:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return Client(http, self._config, lines, self._pause)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url) == ("POST", httpx.URL("http://registry:80/v1/facts/bulk"))
        assert request.headers["authorization"] == "Bearer token"
        self.received += [json.loads(line)["id"] for line in request.content.splitlines()]
        return next(self._answers)(request)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def test_each_fact_is_sent_once_when_all_goes_well(tmp_path: Path) -> None:
    """A hundred facts are a hundred lines, however many requests are sent at once."""
    registry = Registry(tmp_path, results("accepted"))
    client = registry.client(lines=7)
    await client.send([{"id": str(n)} for n in range(100)])
    assert sorted(registry.received, key=int) == [str(n) for n in range(100)]
    assert client.outcomes == {"accepted": 100}


async def test_a_lost_connection_sends_the_same_facts_again(tmp_path: Path) -> None:
    """Nobody knows whether the first try was stored: the registry answers duplicate where it was."""
    registry = Registry(tmp_path, connection_lost, results("duplicate"))
    client = registry.client()
    await client.send([{"id": "a"}, {"id": "b"}])
    assert registry.received == ["a", "b", "a", "b"]
    assert client.outcomes == {"duplicate": 2}
    assert 0 < registry.pauses[0] < 1


async def test_only_lines_that_were_not_stored_are_sent_again(tmp_path: Path) -> None:
    """The others have their answer."""
    registry = Registry(tmp_path, results("accepted", "not_stored", "accepted"), results("accepted"))
    client = registry.client()
    await client.send([{"id": name} for name in "abc"])
    assert registry.received == ["a", "b", "c", "b"]
    assert client.outcomes["accepted"] == 3


async def test_a_busy_registry_is_given_the_time_it_asks_for(tmp_path: Path) -> None:
    """Retry-After is honoured to the second."""
    registry = Registry(tmp_path, failing(503, **{"Retry-After": "7"}), results("accepted"))
    await registry.client().send([{"id": "a"}])
    assert registry.pauses == [7.0]


@pytest.mark.parametrize("refusing", [failing(403), results("conflict")])
async def test_a_refusal_ends_the_play(tmp_path: Path, refusing: Answer) -> None:
    """Of the request or of one fact: it is said at once, in the registry's words."""
    with pytest.raises(PermanentError, match=r"the disk is full|not this one"):
        await Registry(tmp_path, refusing).client().send([{"id": "a"}])


async def test_a_registry_that_stays_away_ends_the_play(tmp_path: Path) -> None:
    """After about two minutes of tries, with its last words."""
    registry = Registry(tmp_path, failing(503))
    with pytest.raises(TransientError, match="the disk is full"):
        await registry.client().send([{"id": "a"}])
    assert 60 < sum(registry.pauses) < 180


def test_the_anchor_is_the_instant_of_the_first_play(tmp_path: Path) -> None:
    """However much later the next play is, it gets the first one's anchor, to the second and in WIB."""
    first, file = datetime(2026, 3, 31, 18, 30, 5, 123456, tzinfo=UTC), tmp_path / "sample.json"
    clock = ManualClock(first)
    anchor = remembered_anchor(file, clock)
    clock.advance(timedelta(days=3))
    assert remembered_anchor(file, clock) == anchor == first.replace(microsecond=0)
    assert anchor.isoformat() == "2026-04-01T01:30:05+07:00"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"anchor": "soon"}', '{"anchor": 5}'])
def test_a_spoilt_file_is_named(tmp_path: Path, content: str) -> None:
    """A new anchor would send other facts under the same ids: it is better to stop and say what to do."""
    file = tmp_path / "sample.json"
    file.write_text(content)
    with pytest.raises(PermanentError, match=r"sample\.json.*make reset"):
        remembered_anchor(file, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
