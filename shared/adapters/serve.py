"""Serves an application with uvicorn and logs in JSON. If it cannot start, it logs one line that says why."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

import typer
import uvicorn
from fastapi import FastAPI

from shared.adapters.http_protocol import BoundedProtocol
from shared.runtime import logging, tracing
from shared.runtime.errors import PermanentError, TransientError

_COLLECT_AFTER: Final = (50_000, 20, 50)
"""Objects before Python looks for cycles. Its default of 700 took a third of the time of parsing."""


def serve_api(service: str, build: Callable[[], FastAPI], host: str, port: int, log_level: str) -> None:
    """Serve until SIGTERM or SIGINT, then finish the open requests. Exit code 1 when it could not start."""
    logging.configure(service, log_level)
    tracing.configure()
    log = logging.logger(service)
    try:
        api = build()
    except (PermanentError, TransientError) as error:
        log.error("cannot start", reason=str(error))
        raise typer.Exit(1) from error
    spare_the_collector()
    server = uvicorn.Server(server_config(api, host, port))
    log.info("serving", address=f"http://{host}:{port}")
    server.run()
    if not server.started:
        raise typer.Exit(1)


def spare_the_collector() -> None:
    """Have Python look for unreachable cycles rarely, and never among the objects loaded so far.

    The region list is large and is kept for ever, and requests and records make almost no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def server_config(api: FastAPI, host: str, port: int) -> uvicorn.Config:
    """Return uvicorn's settings: with our limits, without its own logs, open requests finished before it stops."""
    return uvicorn.Config(
        api, host=host, port=port, http=BoundedProtocol, ws="none", log_config=None, access_log=False,
        timeout_graceful_shutdown=5, server_header=False,
    )  # fmt: skip
