"""What every service's HTTP side has: problems (RFC 9457), bearer tokens, health, metrics, AsyncAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from fastapi_offline import FastAPIOffline
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from shared.adapters.asyncapi import add_asyncapi
from shared.adapters.http_body import BodyError, BodyGuard
from shared.runtime.auth import AuthError, Caller, TokenVerifier
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.health import Health
from shared.runtime.logging import logger

_log = logger(__name__)

PROBLEM_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = 1


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """Ends a request with a problem body: a status, a code, what is wrong and what to do."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    def response(self) -> JSONResponse:
        """Return the problem as it is sent."""
        body = {
            "type": f"urn:cakupan:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }
        return JSONResponse(body, self.status, headers=self.headers, media_type=PROBLEM_TYPE)


def create_api(
    *,
    title: str,
    description: str,
    registry: CollectorRegistry,
    health: Health,
    broker: KafkaBroker,
    body_within: timedelta,
    run: Callable[[], Any],
) -> FastAPI:
    """Return an application with everything that all services share; `run` is entered for its lifetime.

    `body_within` is how long a small body may take to come.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with run():
            yield

    # Its pages come from the package, not from a CDN: they work in a closed network.
    api = FastAPIOffline(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        redoc_url=None,
        # A redirect would repeat the query, whatever is in it, in its Location.
        redirect_slashes=False,
        # FastAPI's own spans cost half the rate of a short request; the trace starts where work is gathered.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.add_middleware(BodyGuard, within=body_within)
    _add_problems(api)
    _add_operations(api, registry, health)
    add_asyncapi(api, broker, title)
    return api


def _add_problems(api: FastAPI) -> None:
    @api.exception_handler(Problem)
    async def _problem(_request: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @api.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).name.lower()
        return Problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {})).response()

    @api.exception_handler(404)
    async def _no_such_path(_request: Request, _error: HTTPException) -> JSONResponse:
        return Problem(404, "not_found", "there is nothing under this path; /docs lists what there is").response()

    @api.exception_handler(405)
    async def _no_such_method(request: Request, _error: HTTPException) -> JSONResponse:
        allowed = ", ".join(_methods(request))
        detail = f"this path does not take {request.method}; it takes {allowed}"
        return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed}).response()

    @api.exception_handler(BodyError)
    async def _body(_request: Request, error: BodyError) -> JSONResponse:
        return Problem(error.status_code, error.code, error.detail, headers=dict(error.headers or {})).response()

    @api.exception_handler(ClientDisconnect)
    async def _gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        # Nobody is there to read it; without it every caller that hangs up would be logged as an error of ours.
        return Problem(400, "incomplete_body", "the body stopped half way; nothing of it was taken").response()

    @api.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # The value itself stays out: it is a stranger's and may be personal.
        wrong = [{"field": ".".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
        return Problem(422, "malformed_request", "correct the fields named", errors=wrong).response()

    @api.exception_handler(TransientError)
    async def _unavailable(_request: Request, error: TransientError) -> JSONResponse:
        return Problem(503, "unavailable", f"{error}; send it again", headers=retry_after()).response()

    @api.exception_handler(PermanentError)
    async def _failed(_request: Request, error: PermanentError) -> JSONResponse:
        _log.error("request failed", error=str(error))
        return Problem(500, "failed", "the service cannot do this until an operator acts").response()

    @api.exception_handler(Exception)
    async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
        # The error's text may quote what was sent; its type may be told.
        return Problem(500, "unexpected", f"an error of ours ({type(error).__name__}); it was logged").response()


def _methods(request: Request) -> list[str]:
    """Return the methods that the path takes, whichever of the routes has each."""
    scopes = ({**request.scope, "method": method} for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
    return [s["method"] for s in scopes if any(route.matches(s)[0] is Match.FULL for route in request.app.routes)]


def retry_after() -> dict[str, str]:
    """Return the header that says when to come back."""
    return {"Retry-After": str(_RETRY_AFTER_S)}


_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "It cannot; `checks` says why"}}


def _add_operations(api: FastAPI, registry: CollectorRegistry, health: Health) -> None:
    @api.get("/health/live", tags=["operations"], summary="The process runs")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/health/ready", tags=["operations"], summary="The process can do its work now", responses=_NOT_READY)
    async def ready() -> JSONResponse:
        report = await health.report()
        good = all(state == "ok" for state in report.values())
        return JSONResponse({"status": "ok" if good else "not ready", "checks": report}, 200 if good else 503)

    @api.get("/metrics", tags=["operations"], summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def key_fetcher(jwks: str) -> Callable[[], Awaitable[bytes]]:
    """Return what reads the issuer's public keys from a URL or a file.

    Raises, when called: TransientError where they cannot be had now.
    """

    async def fetch() -> bytes:
        try:
            if jwks.startswith(("http://", "https://")):
                async with httpx.AsyncClient(timeout=5) as client:
                    return (await client.get(jwks)).raise_for_status().content
            return Path(jwks).read_bytes()  # noqa: ASYNC240 - a few hundred bytes, once in five minutes
        except (httpx.HTTPError, OSError) as error:
            raise TransientError(f"the token issuer's keys cannot be read ({type(error).__name__})") from error

    return fetch


class Bearer:
    """Finds out who calls."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def caller(self, request: Request) -> Caller | None:
        """Return the caller of a request, or None where it carries no token.

        Raises: Problem 401 for a token that is not acceptable.
        """
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorised("send the token as 'Authorization: Bearer …'")
        try:
            return await self._verifier.verify(token.strip())
        except AuthError as error:
            raise unauthorised(error.reason) from error

    async def demand(self, request: Request, scope: str) -> Caller:
        """Return the caller of a request, who has the scope. Raises: Problem 401 or 403."""
        caller = await self.caller(request)
        if caller is None:
            raise unauthorised("no token was sent; send one as 'Authorization: Bearer …'")
        if not caller.may(scope):
            raise Problem(403, "scope_missing", f"the token lacks the scope {scope}; ask for one that has it")
        return caller

    def requires(self, scope: str) -> Any:
        """Return a dependency that gives the caller, who must have the scope."""
        return Security(_Required(self, scope), scopes=[scope])

    @property
    def optional(self) -> Any:
        """A dependency that gives the caller or None."""
        return Security(_Optional(self))


class _Optional(SecurityBase):
    """Gives the caller or None; FastAPI reads from `model` what the OpenAPI document says of tokens."""

    model = HTTPBearerModel(bearerFormat="JWT", description="Client credentials; signed ES256 or EdDSA.")
    scheme_name = "bearer"

    def __init__(self, bearer: Bearer) -> None:
        self._bearer = bearer

    async def __call__(self, request: Request) -> Caller | None:
        return await self._bearer.caller(request)


class _Required(_Optional):
    """Gives the caller, who has the scope."""

    def __init__(self, bearer: Bearer, scope: str) -> None:
        super().__init__(bearer)
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        return await self._bearer.demand(request, self._scope)


class DirectRoute(APIRoute):
    """A route whose endpoint reads the request by itself.

    FastAPI describes it as any other, and does nothing else for it: solving dependencies takes longer than all that
    is done for a small request. Its endpoint calls `Bearer.demand` itself.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint as it is."""
        return self.endpoint


def unauthorised(reason: str) -> Problem:
    """Return the 401 that says why."""
    return Problem(401, "unauthorised", reason, headers={"WWW-Authenticate": 'Bearer realm="cakupan"'})


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, read no further than the limit.

    Raises: Problem 413 `too_large` naming the limit.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(413, "too_large", f"the body is over {limit} bytes; send less at once")
        parts.append(part)
    return b"".join(parts)
