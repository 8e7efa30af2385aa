"""What operators ask a process: metrics, liveness, readiness. It is served beside the API, on a listener of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.runtime.health import Check, report

_NO_STORE: Final = {"Cache-Control": "no-store"}


Checks = Mapping[str, Check]


def add_operators(
    api: FastAPI, registry: CollectorRegistry, checks: Checks, liveness: Checks, is_serving: Callable[[], bool]
) -> None:
    """Give the API its `/health/…`, which strangers may ask and which gives no reasons, and operators their own."""
    api.state.operators = create_operators(registry, checks, liveness, is_serving)

    @api.get("/health/live", tags=["operations"], summary="The process runs")
    async def live() -> JSONResponse:
        return _status(await report(liveness), shown=False)

    @api.get(
        "/health/ready", tags=["operations"], summary="The process can do its work now",
        responses={503: {"description": "It cannot; the operators' listener says why"}},
    )  # fmt: skip
    async def ready() -> JSONResponse:
        return _status(await report(checks), shown=False)


def create_operators(
    registry: CollectorRegistry, checks: Checks, liveness: Checks, is_serving: Callable[[], bool]
) -> Starlette:
    """Return the operators' application: `/metrics`, `/health/live`, `/health/ready` (with reasons), `/health/serving`.

    `liveness` finds work that is stuck and asks no server: a restart would bring none back. `/health/serving` says
    whether requests may be sent here. It asks no server either: all replicas share these, and a caller that gets our
    503 with Retry-After is better off than one that finds no replica at all (ADR 0036).
    """

    async def live(_request: Request) -> Response:
        return _status(await report(liveness))

    async def ready(_request: Request) -> Response:
        return _status(await report(checks))

    async def serving(_request: Request) -> Response:
        return _status({"requests": "ok" if is_serving() else "starting or stopping"})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    answers = {"/health/live": live, "/health/ready": ready, "/health/serving": serving, "/metrics": metrics}
    return Starlette(routes=[Route(path, answer) for path, answer in answers.items()])


def _status(checks: dict[str, str], *, shown: bool = True) -> JSONResponse:
    """Return 200 when all checks are well, else 503; with the checks where they are shown."""
    good = all(state.startswith("ok") for state in checks.values())
    body = {"status": "ok" if good else "not ready"} | ({"checks": checks} if shown else {})
    return JSONResponse(body, 200 if good else 503, headers=_NO_STORE)
