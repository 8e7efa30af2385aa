"""Many requests at once without the cost of one large connection pool.

httpcore's pool looks at every connection for every request: with 32 of them that is 5 ms of processor time a request,
four times the request itself, and the sender would be what is slow. Lanes are pools of one connection each.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx


class Lanes(httpx.AsyncBaseTransport):
    """Sends each request over a connection that is free; further ones wait their turn."""

    def __init__(self, count: int) -> None:
        """Prepare the lanes; nothing is connected yet."""
        context = ssl.create_default_context()
        one = httpx.Limits(max_connections=1)
        self._all = [httpx.AsyncHTTPTransport(verify=context, limits=one) for _ in range(count)]
        self._free: asyncio.Queue[httpx.AsyncHTTPTransport] = asyncio.Queue()
        for lane in self._all:
            self._free.put_nowait(lane)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response. Its body is read after the lane is given back, so the lane goes to the queue's end."""
        lane = await self._free.get()
        try:
            return await lane.handle_async_request(request)
        finally:
            self._free.put_nowait(lane)

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in self._all:
            await lane.aclose()
