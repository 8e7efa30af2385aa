"""Headers that keep answers where they belong: out of shared caches, out of frames, and of one content type."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING_ELSE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The part of a content security policy that all our pages share."""
_PLAIN_PAGE: Final = f"{NOTHING_ELSE}; style-src 'unsafe-inline'"
"""A page without scripts, whose few styles stand in it."""


class SafeHeaders:
    """ASGI middleware. An answer to a caller with a token is kept by nobody; a page loads nothing that it need not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `send`."""

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A copy: a response object may answer many requests.
                headers = MutableHeaders(raw=[*message.get("headers", ())])
                headers["X-Content-Type-Options"] = "nosniff"
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", _PLAIN_PAGE)
                if any(name == b"authorization" for name, _ in scope["headers"]):
                    headers["Cache-Control"] = "private, no-store"
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_safe if scope["type"] == "http" else send)
