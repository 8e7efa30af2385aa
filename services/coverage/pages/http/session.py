"""The reader's token in a cookie, and the proof that a form came from one of our pages."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from services.coverage.pages.assets import PREFIX
from shared.adapters.http_problem import Problem
from shared.adapters.http_shares import has_header

COOKIE: Final = "__Host-cakupan"
"""The prefix makes browsers take it only with Secure, for `/`, and from this host alone."""
FORM_FIELD: Final = "bukti"
_BEFORE: Final = "__Host-cakupan-tamu"
"""Holds a random value for forms of readers who have not signed in."""
_NOT_PAGES: Final = ("/v1/", PREFIX)
"""The API takes no cookie: then no other site can make a browser write to it. Static files are everybody's."""


def has_token(scope: Scope) -> bool:
    """Say whether a request comes with a token, good or bad: in its header, or on a page in its cookie."""
    is_page = not scope["path"].startswith(_NOT_PAGES)
    return has_header(scope) or (is_page and COOKIE in Request(scope).cookies)


class TokenFromCookie:
    """ASGI middleware. On pages a token in the cookie counts as one in the header; elsewhere no cookie is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the header."""
        if scope["type"] == "http" and not scope["path"].startswith(_NOT_PAGES):
            token = Request(scope).cookies.get(COOKIE)
            headers = MutableHeaders(scope=scope)
            if token and "authorization" not in headers:
                headers["authorization"] = f"Bearer {token}"
        await self._app(scope, receive, send)


def token_of(request: Request) -> str | None:
    """Return the reader's token, to pass it on to the notifier."""
    return request.headers.get("authorization", "").partition(" ")[2] or None


def sign_in(response: Response, token: str) -> None:
    """Put the token into the cookie; it is gone when the browser is closed, and useless when the token expires."""
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
    response.delete_cookie(_BEFORE, path="/", secure=True, httponly=True, samesite="lax")


def sign_out(response: Response) -> None:
    """Take the token out of the browser."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def begin(request: Request, response: Response, secret: str) -> None:
    """Keep the secret on which the forms of a reader without a token rest."""
    if request.cookies.get(_BEFORE) != secret:
        response.set_cookie(_BEFORE, secret, path="/", secure=True, httponly=True, samesite="lax")


def secret_of(request: Request) -> str | None:
    """Return what only this browser and we know: the token, or a random value."""
    return token_of(request) or request.cookies.get(_BEFORE)


def form_token(secret: str) -> str:
    """Return a proof for one form. It differs each time, so that its packed length tells nothing of it (BREACH)."""
    salt = secrets.token_hex(16)
    return f"{salt}.{_seal(salt, secret)}"


def demand_own_form(request: Request, base: str, proof: str) -> None:
    """Pass a form that a page of ours sent. Raises: Problem 403.

    `base` is where readers find this service: browsers say in Origin from which site a form comes.
    """
    secret = secret_of(request)
    salt, _, seal = proof.partition(".")
    origin = request.headers.get("origin")
    if origin != origin_of(base):
        raise Problem(403, "other_origin", f"forms are taken from pages under {base} only; open the page there")
    if secret is None or not hmac.compare_digest(seal.encode(), _seal(salt, secret).encode()):
        raise Problem(403, "stale_form", "the form is too old, or not of your session; load the page again")


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _seal(salt: str, secret: str) -> str:
    return hmac.new(secret.encode(), salt.encode(), hashlib.sha256).hexdigest()
