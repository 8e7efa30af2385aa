"""A web server that answers as a test says, well or badly."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Call:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """A server on loopback. `answers`: of the next calls, then 204. An answer that ends in `…` goes on without an
    end; one that ends in `?` stops there, and the connection stays.
    """

    answers: list[bytes] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Serve on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            for connection in self._open:
                connection.close()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            length = int(headers.get("Content-Length", "0"))
            self.calls.append(Call(head[0].split()[1], headers, await reader.readexactly(length)))
            answer = self.answers.pop(0) if self.answers else b"HTTP/1.1 204 No Content\r\n\r\n"
            endless = answer.endswith("…".encode())
            writer.write(answer.removesuffix("…".encode()).removesuffix(b"?"))
            if answer.endswith(b"?"):
                await reader.read()
            while endless:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
