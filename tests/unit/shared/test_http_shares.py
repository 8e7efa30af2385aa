"""Callers without a token have a share, each address a part of it; a proxy is believed only where we named it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.adapters.http_shares import AnonymousShare, Share


class Slow:
    """Answers once it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then answer 200."""
        self.begun += 1
        if scope["path"] == "/v1/slow":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def client(app: object, address: str = "10.0.0.1", proxies: str = "") -> httpx.AsyncClient:
    """Return a client that calls from this address, through uvicorn's reading of proxies' headers."""
    behind = ProxyHeadersMiddleware(app, proxies) if proxies else app  # type: ignore[arg-type]
    transport = httpx.ASGITransport(behind, client=(address, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def busy(slow: Slow, one: httpx.AsyncClient, count: int, **headers: str) -> list[asyncio.Task[httpx.Response]]:
    """Return so many requests that are being answered."""
    wanted = slow.begun + count
    asked = [asyncio.create_task(one.get("/v1/slow", headers=headers)) for _ in range(count)]
    while slow.begun < wanted:  # noqa: ASYNC110 - each round lets one of them begin
        await asyncio.sleep(0)
    return asked


async def test_an_address_without_a_token_has_its_part_and_no_more() -> None:
    """429 for the next, not for another address, a caller with a token or a probe; room again once one has ended."""
    slow = Slow()
    app = AnonymousShare(slow, Share(2, 3))
    async with client(app) as one, client(app, "10.0.0.2") as other:
        asked = await busy(slow, one, 2)
        refused = await one.get("/v1/x")
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
            429, "too_many_at_once", "1",
        )  # fmt: skip
        assert [(await one.get("/health/ready")).status_code, (await other.get("/v1/x")).status_code] == [200, 200]
        assert (await one.get("/v1/x", headers={"Authorization": "Bearer x"})).status_code == 200
        asked += await busy(slow, other, 1)
        assert (await other.get("/v1/x")).status_code == 503
        slow.go.set()
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
        assert (await one.get("/v1/x")).status_code == 200


async def test_a_request_that_breaks_off_gives_its_place_back() -> None:
    """A caller who hangs up, and an application that fails."""
    slow = Slow()
    app = AnonymousShare(slow, Share(1))
    async with client(app) as one:
        (asked,) = await busy(slow, one, 1)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        assert (await one.get("/v1/x")).status_code == 200


@pytest.mark.parametrize(("proxies", "statuses"), [("", [429, 429]), ("10.0.0.0/8", [200, 429])])
async def test_a_forwarded_address_counts_only_from_our_proxy(proxies: str, statuses: list[int]) -> None:
    """A stranger who writes X-Forwarded-For stays who he is; behind our proxy the last address that it saw counts."""
    slow = Slow()
    app = AnonymousShare(slow, Share(1))
    async with client(app, proxies=proxies) as one:
        asked = await busy(slow, one, 1, **{"X-Forwarded-For": "192.0.2.1"})
        others = ["192.0.2.2", "192.0.2.2, 192.0.2.1"]
        answers = [await one.get("/v1/x", headers={"X-Forwarded-For": forwarded}) for forwarded in others]
        assert [answer.status_code for answer in answers] == statuses
        slow.go.set()
        await asyncio.gather(*asked)
