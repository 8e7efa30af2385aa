"""The OpenAPI document and its page, which loads its scripts from this service: it also works in a closed network."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from shared.adapters.http_headers import NOTHING_ELSE

_FILES: Final = "/static-offline-docs"
_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def add_docs(api: FastAPI) -> None:
    """Serve /openapi.json and /docs."""
    api.mount(_FILES, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=api.title,
        swagger_js_url=f"{_FILES[1:]}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES[1:]}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES[1:]}/favicon.png",
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page

    @cache
    def encoded() -> bytes:
        return bytes(JSONResponse(api.openapi()).body)

    @api.get("/openapi.json", include_in_schema=False)
    async def document() -> Response:
        # Not in a thread: the first that Starlette asks for loads modules for 10 ms on the event loop.
        return Response(encoded(), media_type="application/json")


def _policy(page: str) -> str:
    """Return a policy by which the page runs its own scripts alone; it calls this service only."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _SCRIPT.findall(page))
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"{NOTHING_ELSE}; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'"
    )
