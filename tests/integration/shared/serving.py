"""An application that returns the size of a body, served as the services are, and raw connections to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI, Request
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry

from shared.adapters.http_api import create_api, read_body
from shared.adapters.http_protocol import BoundedProtocol
from shared.runtime.health import Check
from tests.serving import listening

LIMIT = 1024 * 1024


def sizer(body_within: timedelta = timedelta(seconds=30), checks: Mapping[str, Check] | None = None) -> FastAPI:
    """Return an application that answers POST /v1/size with the size of the body, of at most 1 MiB."""
    api = create_api(
        title="Sizer",
        description="Sizes.",
        registry=CollectorRegistry(),
        checks=checks or {},
        liveness={},
        broker=KafkaBroker(logger=None),
        body_within=body_within,
        lifespan=nothing,
    )

    @api.post("/v1/size")
    async def size(request: Request) -> int:
        return len(await read_body(request, LIMIT))

    @api.get("/v1/size")
    async def none() -> int:
        return 0

    @api.post("/v1/unread")
    async def unread() -> int:
        return 0

    return api


@asynccontextmanager
async def nothing(_app: FastAPI) -> AsyncIterator[None]:
    """Work for the lifetime of an application that has none."""
    yield


@asynccontextmanager
async def sizing(
    body_within: timedelta = timedelta(seconds=30), protocol: type[BoundedProtocol] = BoundedProtocol
) -> AsyncIterator[str]:
    """Serve the application; yield its address."""
    async with listening(sizer(body_within), protocol) as url:
        yield url


class Connection:
    """A connection on which a test sends any bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, text: bytes) -> None:
        """Send bytes."""
        self._writer.write(text)
        await self._writer.drain()

    async def until_closed(self) -> bytes:
        """Return all bytes until the other side closes; none if it closed without reading ours."""
        async with asyncio.timeout(20):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    async def answer(self) -> bytes:
        """Return the next answer."""
        async with asyncio.timeout(20):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return head + await self._reader.readexactly(length)


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    """Yield a raw connection to the address."""
    port = int(url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
