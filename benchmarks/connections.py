"""Many requests at once without the cost of one large connection pool.

httpcore's pool checks every connection for every request: with 32 of them that is 5 ms of processor time a request,
four times the request itself, and the sender would be what is slow. So this pool holds pools of one connection each.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx


class ConnectionPool(httpx.AsyncBaseTransport):
    """Sends each request over a connection that is free; further ones wait their turn."""

    def __init__(self, count: int) -> None:
        """Prepare the connections; nothing is connected yet."""
        context = ssl.create_default_context()
        one = httpx.Limits(max_connections=1)
        self._all = [httpx.AsyncHTTPTransport(verify=context, limits=one) for _ in range(count)]
        self._free: asyncio.Queue[httpx.AsyncHTTPTransport] = asyncio.Queue()
        for connection in self._all:
            self._free.put_nowait(connection)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response. Its body is read after the connection is given back, which goes to the queue's end."""
        connection = await self._free.get()
        try:
            return await connection.handle_async_request(request)
        finally:
            self._free.put_nowait(connection)

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in self._all:
            await connection.aclose()
