"""Webhooks over real HTTP and TLS: signed, pinned to the address that was checked, and bounded whatever comes back."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notifier.delivery.addresses import Gate, networks
from services.notifier.delivery.channels.webhook import WebhookChannel, cloud_event
from services.notifier.delivery.ports import TryLaterError
from shared.runtime.errors import PermanentError, TransientError
from tests.certificates import Authority
from tests.fakes import ManualClock
from tests.fakes_deliveries import MESSAGE, TOLD_AT, delivery
from tests.integration.notifier.hooks import Hook

GUIDE = Path(__file__).parents[3] / "docs" / "webhooks.md"
LOOPBACK = networks("127.0.0.0/8")


class World:
    """A web server, and a channel that may reach loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.keys.write_text("rahasia-satu\nrahasia-dua\n")
        self.hook = Hook()
        self.asked: list[str] = []

    def channel(self, hosts: Mapping[str, list[str]] | None = None, **over: Any) -> WebhookChannel:
        """Return a channel; `hosts`: what the name service says of names; a number is its own address."""

        async def resolve(host: str, _port: int) -> list[str]:
            self.asked.append(host)
            return (hosts or {}).get(host, [host])

        gate = Gate(over.pop("allowed", LOOPBACK), resolve)
        return WebhookChannel(over.pop("keys", self.keys), "urn:cakupan:notifier", gate, ManualClock(TOLD_AT), **over)

    async def send(
        self, channel: WebhookChannel | None = None, url: str = "http://127.0.0.1:{port}/hook?of=11"
    ) -> None:
        """Send a delivery."""
        channel = channel or self.channel()
        try:
            await channel.send(delivery(channel=f"webhook:{url.format(port=self.hook.port)}"), MESSAGE)
        finally:
            await channel.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of the test's own."""
    return World(tmp_path)


def _snippet() -> Callable[..., bool]:
    """Return the function that the guide gives to receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(GUIDE), "exec"), names)
    is_genuine: Callable[..., bool] = names["is_genuine"]
    return is_genuine


async def test_a_call_is_a_cloud_event_that_the_guides_snippet_verifies(world: World) -> None:
    """Under either key; not once a byte, the time or the key is another, nor later than five minutes."""
    async with world.hook.serving():
        await world.send()
    (call,) = world.hook.calls
    assert call.path == "/hook?of=11"
    assert call.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert call.headers["Host"] == f"127.0.0.1:{world.hook.port}"
    assert call.body == cloud_event(delivery(), MESSAGE, "urn:cakupan:notifier")
    is_genuine, now = _snippet(), TOLD_AT.timestamp()
    assert is_genuine(call.headers, call.body, b"rahasia-satu", now)
    assert is_genuine(call.headers, call.body, b"rahasia-dua", now + 299)
    assert not is_genuine(call.headers, call.body + b" ", b"rahasia-satu", now)
    assert not is_genuine(call.headers, call.body, b"rahasia-tiga", now)
    assert not is_genuine(call.headers, call.body, b"rahasia-satu", now + 302)
    later = str(int(call.headers["Cakupan-Timestamp"]) + 1)
    assert not is_genuine(call.headers | {"Cakupan-Timestamp": later}, call.body, b"rahasia-satu", now)
    assert not is_genuine({}, call.body, b"rahasia-satu", now)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("301 Moved Permanently\r\nLocation: /other", PermanentError),
        ("307 Temporary Redirect\r\nLocation: /other", PermanentError),
        ("410 Gone", PermanentError),
        ("404 Not Found", PermanentError),
        ("408 Request Timeout", TransientError),
        ("429 Too Many Requests", TransientError),
        ("500 Internal Server Error", TransientError),
    ],
)
async def test_an_answer_is_passing_or_permanent_by_its_status(
    world: World, status: str, error: type[Exception]
) -> None:
    """A redirect leads nowhere; the reason has the beginning of what was said."""
    world.hook.answers = [f"HTTP/1.1 {status}\r\nContent-Length: 14\r\n\r\nsudah\x07\n pindah".encode()]
    async with world.hook.serving():
        with pytest.raises(error, match=rf"answered {status[:3]}: sudah pindah"):
            await world.send()
    assert len(world.hook.calls) == 1


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_pause_that_is_asked_for_is_passed_on(world: World, status: str) -> None:
    """Retry-After in seconds."""
    world.hook.answers = [f"HTTP/1.1 {status}\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n".encode()]
    async with world.hook.serving():
        with pytest.raises(TryLaterError) as raised:
            await world.send()
    assert raised.value.after == timedelta(minutes=10)


async def test_an_endless_answer_is_not_read(world: World) -> None:
    """A success is one at its first line; a reason is short."""
    endless = "HTTP/1.1 {}\r\n\r\n…"
    world.hook.answers = [endless.format("200 OK").encode(), endless.format("500 Error").encode()]
    async with world.hook.serving():
        await world.send()
        with pytest.raises(TransientError) as raised:
            await world.send()
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nX: …".encode()])
async def test_nonsense_is_tried_again(world: World, answer: bytes) -> None:
    """A connection that ends, no HTTP, headers without end."""
    world.hook.answers = [answer]
    async with world.hook.serving():
        with pytest.raises(TransientError, match="did not answer as it should"):
            await world.send()


async def test_a_receiver_that_never_answers_is_given_up_in_time(world: World) -> None:
    """It began to answer, and then says nothing more."""
    world.hook.answers = [b"HTTP/1.1 200 OK\r\n?"]
    async with world.hook.serving():
        with pytest.raises(TransientError, match="did not answer as it should"):
            await world.send(world.channel(timeout_s=0.3))


async def test_a_private_address_is_not_called(world: World) -> None:
    """Neither as a number nor behind a name, unless its network is allowed."""
    async with world.hook.serving():
        for url in ("http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "http://inside.example.id:{port}/"):
            channel = world.channel({"inside.example.id": ["127.0.0.1"]}, allowed=())
            with pytest.raises(PermanentError, match="not public"):
                await world.send(channel, url)
    assert world.hook.calls == []


async def test_outside_the_allowed_networks_only_https_is_called(world: World) -> None:
    """What an official is told does not travel in clear."""
    with pytest.raises(PermanentError, match="needs https"):
        await world.send(world.channel({"hook.example.id": ["93.184.216.34"]}), "http://hook.example.id/")


@pytest.mark.parametrize("url", ["https://", "ftp://hook.example.id/", "https://hook.example.id:99999/", "hook"])
async def test_what_is_no_web_address_is_dead_at_once(world: World, url: str) -> None:
    """Only someone can correct it."""
    with pytest.raises(PermanentError, match="no web address"):
        await world.send(url=url)


async def test_without_a_key_nothing_is_sent(world: World) -> None:
    """It waits until an operator gives one."""
    empty = world.folder / "empty"
    empty.write_text("\n")
    async with world.hook.serving():
        for keys in (None, empty):
            with pytest.raises(TransientError, match="NOTIFIER_WEBHOOK_KEYS_FILE"):
                await world.send(world.channel(keys=keys))
    assert world.hook.calls == []


async def test_a_host_is_asked_for_once_and_called_where_it_was_found(world: World) -> None:
    """Certificate and Host are of the name; an address that does not answer is left for the next."""
    authority = Authority("web")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.write_keystore(world.folder / "server.pem", "hook.example.id"))
    hosts = {"hook.example.id": ["127.0.0.2", "127.0.0.1"], "other.example.id": ["127.0.0.1"]}
    authorities = authority.write(world.folder / "ca.pem")
    async with world.hook.serving(context):
        await world.send(world.channel(hosts, authorities=authorities), "https://hook.example.id:{port}/")
        assert world.asked == ["hook.example.id"]
        with pytest.raises(TransientError, match="certificate verify failed"):
            await world.send(world.channel(hosts, authorities=authorities), "https://other.example.id:{port}/")
    assert [call.headers["Host"] for call in world.hook.calls] == [f"hook.example.id:{world.hook.port}"]
