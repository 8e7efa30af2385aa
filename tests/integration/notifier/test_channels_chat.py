"""Chat through Apprise, to a web server of the test's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from services.notifier.delivery.addresses import Gate, networks
from services.notifier.delivery.channels.chat import ChatChannel
from services.notifier.delivery.settings import DeliverySettings
from shared.runtime.errors import PermanentError, TransientError
from tests.fakes_deliveries import MESSAGE, delivery
from tests.integration.notifier.hooks import Hook
from tests.waiting import eventually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A web server."""
    hook = Hook(answers=[OK])
    async with hook.serving():
        yield hook


async def send(address: str, allowed: str = "127.0.0.0/8", schemas: tuple[str, ...] = ("mmost", "json")) -> None:
    """Send a delivery."""
    channel = ChatChannel(schemas, Gate(networks(allowed)), threads=1)
    try:
        await channel.send(delivery(channel=f"chat:{address}"), MESSAGE)
    finally:
        channel.close()


async def test_the_short_form_is_sent_to_the_service_of_the_address(hook: Hook) -> None:
    """As Mattermost takes it; nothing points to a picture elsewhere."""
    await send(f"mmost://127.0.0.1:{hook.port}/abcdefgh12345")
    (call,) = hook.calls
    assert call.path == "/hooks/abcdefgh12345"
    assert json.loads(call.body) == {"text": MESSAGE.short, "username": "Cakupan"}


@pytest.mark.parametrize("status", ["500 Internal Server Error", "302 Found\r\nLocation: /other"])
async def test_what_the_service_does_not_take_is_tried_again(hook: Hook, status: str) -> None:
    """Once a try and without following a redirect, though the address asks otherwise."""
    hook.answers = [f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()]
    address = f"json://127.0.0.1:{hook.port}/?redirect=yes&optional=yes&retry=3&wait=0"
    with pytest.raises(TransientError, match=status[:3]):
        await send(address)
    assert len(hook.calls) == 1


async def test_a_service_that_never_answers_keeps_one_thread(hook: Hook) -> None:
    """A thread cannot be ended, so the next try does not begin while the earlier one still runs."""
    hook.answers = [b"HTTP/1.1 200 OK\r\n?"]
    sent = delivery(channel=f"chat:json://127.0.0.1:{hook.port}/")
    channel = ChatChannel(["json"], Gate(networks("127.0.0.0/8")), threads=2, timeout_s=0.3)
    with pytest.raises(TransientError, match=r"did not answer within 0\.3 s"):
        await channel.send(sent, MESSAGE)
    with pytest.raises(TransientError, match="still runs"):
        await channel.send(sent, MESSAGE)
    channel.close()

    async def called() -> bool:
        return len(hook.calls) == 1

    await eventually(called)


async def test_a_schema_that_is_not_allowed_is_dead_at_once(hook: Hook) -> None:
    """None of those that the settings allow writes to this machine."""
    for address in ("syslog://", "file:///etc/passwd", f"http://127.0.0.1:{hook.port}/", "dbus://", "no address"):
        with pytest.raises(PermanentError, match="not among chat_schemas"):
            await send(address, schemas=tuple(DeliverySettings().chat_schemas.split(",")))
    assert hook.calls == []


async def test_an_address_that_the_service_cannot_have_is_dead_at_once() -> None:
    """A Mattermost without a host."""
    with pytest.raises(PermanentError, match="no address of mmost://"):
        await send("mmost://")


async def test_a_private_host_is_not_called(hook: Hook) -> None:
    """Where the address names the host, and its network is not allowed."""
    with pytest.raises(PermanentError, match="not public"):
        await send(f"mmost://127.0.0.1:{hook.port}/abcdefgh12345", allowed="")
    assert hook.calls == []
