from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter

import httpx

from deploy.local.sample.lanes import Lanes


class Counting:
    """A server that answers nobody until `together` requests are waiting at once."""

    def __init__(self, together: int) -> None:
        self.connections = 0
        self._barrier = asyncio.Barrier(together)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self._barrier.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, asyncio.BrokenBarrierError):
            writer.close()


async def test_each_lane_carries_one_request_over_one_lasting_connection() -> None:
    """As many requests as lanes are in flight at once, and forty requests need no more connections than lanes."""
    server = Counting(together=4)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with asyncio.timeout(10), httpx.AsyncClient(transport=Lanes(4)) as client:
            answers = await asyncio.gather(*(client.get(f"http://127.0.0.1:{port}/") for _ in range(40)))
    assert {answer.text for answer in answers} == {"ok"}
    assert server.connections == 4
