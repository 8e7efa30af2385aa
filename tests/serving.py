"""Runs a service's application for a test, with its work, without a socket or behind a real one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI

from shared.adapters.http_protocol import BoundedProtocol
from shared.adapters.serve import server_config

OPERATORS = "operators.test"
"""Host under which a client of `served` reaches metrics and health with reasons."""


@asynccontextmanager
async def served(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application's work, yield a client to it, and to its operators' side as OPERATORS; stop it."""
    # An error of ours becomes its problem response, as under a real server.
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    # The mailbox has no operators' side.
    operators = httpx.ASGITransport(getattr(api.state, "operators", api), raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://test", mounts={f"all://{OPERATORS}": operators})
    async with api.router.lifespan_context(api), client as http:
        yield http


def listening_socket() -> socket.socket:
    """Return a socket that listens on a port of its own."""
    # With the protocol named asyncio sends at once; otherwise each answer waits 40 ms for the client's system.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


@asynccontextmanager
async def listening(
    api: FastAPI, protocol: type[BoundedProtocol] = BoundedProtocol, listener: socket.socket | None = None
) -> AsyncIterator[str]:
    """Serve the application as in production, on a port of its own or one that listens already; yield its address."""
    with listener or listening_socket() as listener:
        port = listener.getsockname()[1]
        config = server_config(api, "127.0.0.1", port)
        config.http = protocol
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving
