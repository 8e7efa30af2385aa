"""The HTTP side that all services share: problems (RFC 9457), bearer tokens, AsyncAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from fastapi import Depends, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry, Counter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from shared.adapters.asyncapi import add_asyncapi
from shared.adapters.http_body import BodyGuard
from shared.adapters.http_counts import CountAnswers
from shared.adapters.http_head import HeadAsGet
from shared.adapters.http_headers import SafeHeaders
from shared.adapters.http_pages import add_docs
from shared.adapters.http_problem import Problem, retry_after
from shared.adapters.http_query import explain, refuse_unknown_parameters
from shared.adapters.http_traces import TraceRequests
from shared.adapters.operators import add_operators
from shared.runtime import tracing
from shared.runtime.auth import AuthError, Caller, TokenVerifier
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.health import Check
from shared.runtime.logging import logger

_log = logger(__name__)


def create_api(
    *,
    title: str,
    description: str,
    registry: CollectorRegistry,
    checks: Mapping[str, Check],
    liveness: Mapping[str, Check],
    broker: KafkaBroker,
    body_within: timedelta,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    is_serving: Callable[[], bool] = lambda: True,
) -> FastAPI:
    """Return an application with everything that all services share.

    `lifespan` is open while the application is served. `body_within` is how long a small body may take to arrive.
    `is_serving` says whether it has started and is not stopping.
    """
    api = FastAPI(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        # `add_docs` makes the page and the document instead.
        openapi_url=None,
        dependencies=[Depends(refuse_unknown_parameters)],
        # A redirect would repeat the query in its Location header, and the query may hold anything.
        redirect_slashes=False,
        # FastAPI's own spans halve the rate of short requests, and hold what callers sent. `TraceRequests` makes ours.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.add_middleware(BodyGuard, within=body_within)
    api.add_middleware(HeadAsGet)
    api.add_middleware(SafeHeaders)
    answers = Counter("http_answers_total", "Answers by route and status", ("route", "status"), registry=registry)
    api.add_middleware(CountAnswers, answers=answers)
    api.state.answers = answers
    if tracing.exports():
        api.add_middleware(TraceRequests)
    _add_problems(api)
    add_docs(api)
    add_operators(api, registry, checks, liveness, is_serving)
    add_asyncapi(api, broker, title)
    return api


def _add_problems(api: FastAPI) -> None:
    """Answer every error with a problem. Texts that may quote what the caller sent are left out."""

    def answer(cause: int | type[Exception], problem_of: Callable[[Request, Any], Problem]) -> None:
        async def handle(request: Request, error: Exception) -> JSONResponse:
            return problem_of(request, error).response()

        api.add_exception_handler(cause, handle)

    answer(Problem, lambda _, problem: problem)
    answer(HTTPException, lambda _, error: _of_http_error(error))
    answer(404, lambda _request, _error: Problem(404, "not_found", "this path does not exist; /docs lists all paths"))
    answer(405, lambda request, _: _wrong_method(request))
    # Without this handler every caller that hangs up would be logged as an error of ours.
    answer(ClientDisconnect, lambda _r, _e: Problem(400, "incomplete_body", "the body broke off; nothing was taken"))
    answer(RequestValidationError, lambda _, error: invalid_request(error))
    answer(
        TransientError,
        lambda _, error: Problem(503, "unavailable", f"{error}; send it again", headers=retry_after()),
    )
    answer(PermanentError, lambda _, error: _failed(error))
    answer(
        Exception,
        lambda _, error: Problem(500, "unexpected", f"an error of ours ({type(error).__name__}); it was logged"),
    )


def _of_http_error(error: HTTPException) -> Problem:
    code = getattr(error, "code", HTTPStatus(error.status_code).name.lower())
    return Problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


def invalid_request(error: RequestValidationError) -> Problem:
    """Return the 422 for a request of which a part has another form than the route takes."""
    wrong = [explain(one) for one in error.errors()]
    detail = "; ".join(f"{one['field']} {one['detail']}" for one in wrong)
    return Problem(422, "malformed_request", detail, field=wrong[0]["field"], errors=wrong)


def _failed(error: PermanentError) -> Problem:
    _log.error("request failed", error=str(error))
    return Problem(500, "failed", "the service cannot do this until an operator acts")


def _wrong_method(request: Request) -> Problem:
    allowed = ", ".join(_methods(request)).replace("GET", "GET, HEAD")
    detail = f"this path does not take {request.method}; it takes {allowed}"
    return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})


def _methods(request: Request) -> list[str]:
    """Return the methods that the path takes; each may belong to another route."""
    scopes = ({**request.scope, "method": method} for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
    return [s["method"] for s in scopes if any(route.matches(s)[0] is Match.FULL for route in request.app.routes)]


def key_fetcher(jwks: str) -> Callable[[], Awaitable[bytes]]:
    """Return a function that reads the issuer's public keys from a URL or a file.

    The function raises TransientError when it cannot read them.
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
    """Finds out who sent a request."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def caller(self, request: Request) -> Caller | None:
        """Return the caller, or None for a request without a token. Raises: Problem 401 for a bad token."""
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorised("send the token as 'Authorization: Bearer …'")
        return await self.caller_of(token.strip())

    async def caller_of(self, token: str) -> Caller:
        """Return the caller that a token names. Raises: Problem 401 for a bad one."""
        try:
            return await self._verifier.verify(token)
        except AuthError as error:
            raise unauthorised(error.reason) from error

    async def demand(self, request: Request, scope: str) -> Caller:
        """Return the caller, who has the scope. Raises: Problem 401 or 403."""
        caller = await self.caller(request)
        if caller is None:
            raise unauthorised("no token was sent; send one as 'Authorization: Bearer …'")
        if not caller.may(scope):
            raise Problem(403, "scope_missing", f"the token lacks the scope {scope}; ask for one that has it")
        return caller

    def requires(self, scope: str) -> Any:
        """Return a FastAPI dependency that gives the caller, who must have the scope."""
        return Security(_FromToken(partial(self.demand, scope=scope)), scopes=[scope])

    @property
    def optional(self) -> Any:
        """A FastAPI dependency that gives the caller or None."""
        return Security(_FromToken(self.caller))


class _FromToken(SecurityBase):
    """Gives the caller. FastAPI writes `model` and `scheme_name` into the OpenAPI document."""

    model = HTTPBearerModel(bearerFormat="JWT", description="Client credentials; signed ES256 or EdDSA.")
    scheme_name = "bearer"

    def __init__(self, find: Callable[[Request], Awaitable[Caller | None]]) -> None:
        self._find = find

    async def __call__(self, request: Request) -> Caller | None:
        return await self._find(request)


class DirectRoute(APIRoute):
    """A route whose endpoint is called with the request and nothing else.

    FastAPI describes it as any other route. Solving dependencies and keeping what they open would take longer than all
    other work for a small request, so the endpoint calls `Bearer.demand` itself. It takes no query parameters.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint, unless there is a query. Its errors become problems further out, as everywhere."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive, send)
        await refuse_unknown_parameters(request)
        response: Response = await self.endpoint(request)
        await response(scope, receive, send)


def unauthorised(reason: str) -> Problem:
    """Return a 401 with the reason."""
    return Problem(401, "unauthorised", reason, headers={"WWW-Authenticate": 'Bearer realm="cakupan"'})


async def read_body(request: Request, limit: int, check: Callable[[bytes], None] | None = None) -> bytes:
    """Return the body. `check` is given each piece, unpacked, as it comes, and may raise a Problem.

    Raises: Problem 413 `too_large` as soon as more bytes than the limit have come.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(413, "too_large", f"the body is over {limit} bytes; send less at once")
        if check is not None:
            check(part)
        parts.append(part)
    return b"".join(parts)
