"""A span for each request, where spans are exported.

FastAPI's own also holds the path and the query as the caller sent them, in which an identity may stand.
"""

from __future__ import annotations

from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime import tracing

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SERVER_ERROR: Final = 500


class TraceRequests:
    """ASGI middleware that runs a request in a span, which continues the caller's trace.

    Behind it the request's header `traceparent` is that of the span: what is made of the request belongs to it. Names
    are OpenTelemetry's; the route is the one that we declare, never the path that was called.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note in the span how it was answered."""
        if scope["type"] != "http" or scope["path"].startswith("/health/"):
            await self._app(scope, receive, send)
            return

        status = _SERVER_ERROR

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        headers = MutableHeaders(scope=scope)
        with tracing.span(method, [headers.get("traceparent")], SpanKind.SERVER) as traceparent:
            headers["traceparent"] = traceparent
            scope["headers"] = headers.raw
            try:
                await self._app(scope, receive, send_noted)
            finally:
                span, route = trace.get_current_span(), getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                span.set_attributes({"http.request.method": method, "http.response.status_code": status})
                if status >= _SERVER_ERROR:
                    span.set_status(StatusCode.ERROR)
