"""Serves an application with uvicorn and logs in JSON. If it cannot start, it logs one line that says why."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final

import typer
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from shared.adapters.http_counts import begin_at_zero
from shared.adapters.http_protocol import BoundedProtocol
from shared.adapters.http_shares import PROGRAMS, AnonymousShare, Share
from shared.adapters.settings import CommonSettings
from shared.runtime import logging, tracing
from shared.runtime.errors import PermanentError, TransientError

_COLLECT_AFTER: Final = (50_000, 20, 50)
"""Objects before Python looks for cycles. Its default of 700 took a third of the time of parsing."""

_SWITCH_AFTER_S: Final = 0.001
"""So long the event loop waits for a thread that computes. With Python's 5 ms an answer that waits ten times for
MongoDB waits ten times for every such thread too."""
_ANONYMOUS_AT_ONCE: Final = 300
"""Requests without a token that are answered at once: under a third of the connections there are."""


class _Beside(uvicorn.Server):
    """A server that leaves signals to the one it stands beside."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield


class ApiServer(uvicorn.Server):
    """Serves the API, and from before it starts until after it has stopped the operators' application beside it."""

    def __init__(
        self, api: uvicorn.Config, operators: uvicorn.Config, at_end: Callable[[], None] = lambda: None
    ) -> None:
        """`at_end` is called once both have stopped. After `run` it is too late: uvicorn passes the signal on."""
        super().__init__(api)
        self._at_end = at_end
        self.beside = _Beside(operators)
        self._serving_beside: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start both."""
        self._serving_beside = asyncio.create_task(self.beside.serve())
        await super().startup(sockets)
        # What a service loads at its start is kept for ever, too.
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop both; the operators' last, so that they see how the other ends."""
        await super().shutdown(sockets)
        self.beside.should_exit = True
        if self._serving_beside is not None:
            await self._serving_beside
        await asyncio.to_thread(self._at_end)


def serve_api(
    service: str, build: Callable[[], FastAPI], settings: CommonSettings, port: int, operators_port: int
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the open requests. Exit code 1 when it could not start."""
    logging.configure(service, settings.log_level)
    log = logging.logger(service)
    try:
        end_tracing = tracing.configure(service)
        api = build()
    except (PermanentError, TransientError) as error:
        log.error("cannot start", reason=str(error))
        raise typer.Exit(1) from error
    # FastAPI makes its routes and their document at first use, in a tenth of a second: now nobody waits for it.
    begin_at_zero(api.state.answers, api.openapi()["paths"])
    # So does anyio, through which httpx calls others, with the 20 ms of imports of its back end.
    import_module("anyio._backends._asyncio")
    spare_the_collector()
    sys.setswitchinterval(_SWITCH_AFTER_S)
    # Each connection is an open file, and many systems begin with 1,024, which Kafka and MongoDB need some of, too.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server = ApiServer(
        server_config(
            api,
            settings.host,
            port,
            proxies=settings.proxies,
            requests_per_address=settings.requests_per_address,
        ),
        operators_config(api, settings.operators_host, operators_port),
        end_tracing,
    )
    log.info(
        "serving",
        address=f"http://{settings.host}:{port}",
        operators=f"http://{settings.operators_host}:{operators_port}",
    )
    server.run()
    if not server.started:
        raise typer.Exit(1)


def prepare_api(service: str, build: Callable[[], FastAPI], settings: CommonSettings) -> None:
    """Make the service's collections and indexes exist, without serving. Exit code 1 when that was not possible."""
    logging.configure(service, settings.log_level)
    log = logging.logger(service)
    try:
        asyncio.run(build().state.prepare())
    except (PermanentError, TransientError) as error:
        log.error("cannot prepare", reason=str(error))
        raise typer.Exit(1) from error
    log.info("prepared", database=settings.database(service))


def spare_the_collector() -> None:
    """Have Python look for unreachable cycles rarely, and never among the objects loaded so far.

    The region list is large and is kept for ever, and requests and records make almost no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def server_config(
    api: FastAPI, host: str, port: int, *, proxies: str = "", requests_per_address: int = 50
) -> uvicorn.Config:
    """Return uvicorn's settings: with our limits, without its own logs, open requests finished before it stops."""
    share = Share(requests_per_address, _ANONYMOUS_AT_ONCE)
    door = getattr(api.state, "door", PROGRAMS)
    return _config(AnonymousShare(api, share, door), host, port, BoundedProtocol, proxies)


def operators_config(api: FastAPI, host: str, port: int) -> uvicorn.Config:
    """Return the settings of the operators' listener, whose connections are counted apart from the API's."""
    return _config(api.state.operators, host, port, _OperatorsProtocol)


class _OperatorsProtocol(BoundedProtocol):
    """Few connections: a collector of metrics and the probes keep one each."""

    connections_at_most = 20


def _config(app: ASGIApp, host: str, port: int, protocol: type[BoundedProtocol], proxies: str = "") -> uvicorn.Config:
    return uvicorn.Config(
        app, host=host, port=port, http=protocol, ws="none", log_config=None, access_log=False,
        timeout_graceful_shutdown=5, server_header=False, proxy_headers=bool(proxies), forwarded_allow_ips=proxies,
    )  # fmt: skip
