"""Counts the answers of the HTTP API, for the objectives that README states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OUR_FAULT: Final = (500, 503)


def begin_at_zero(answers: Counter, routes: Iterable[str]) -> None:
    """Have the counter of our failures on these routes exist: an alert sees a counter rise, but not appear."""
    for route in routes:
        for status in _OUR_FAULT:
            answers.labels(route, status)


class CountAnswers:
    """ASGI middleware that counts answers. `answers` has the labels route and status.

    A route is the path as it is declared (`/v1/regions/{code}`), or `other`: a label never holds what a caller sent.
    """

    def __init__(self, app: ASGIApp, answers: Counter) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count its answer once the status is known."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_status = False

        async def send_counted(message: Message) -> None:
            nonlocal has_status
            if message["type"] == "http.response.start":
                has_status = True
                self._count(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except Exception:
            # An error before the answer has begun becomes a 500 further out.
            if not has_status:
                self._count(scope, 500)
            raise

    def _count(self, scope: Scope, status: int) -> None:
        self._answers.labels(getattr(scope.get("route"), "path", "other"), status).inc()
