"""Signing in and out: the reader's token goes into a cookie, and out of it."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qs

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from starlette.responses import RedirectResponse

from services.coverage.http.visibility import SCOPE
from services.coverage.pages.formats import Language
from services.coverage.pages.http import session
from services.coverage.pages.http.frame import PRIVATE, Frame, page_route, refusing
from services.coverage.pages.oidc import Attempt, OidcClient
from services.coverage.pages.view import DEFAULT_LANGUAGE, View
from shared.adapters.http_api import read_body
from shared.adapters.http_problem import Problem
from shared.runtime.auth import Caller

_ATTEMPT: Final = "__Host-cakupan-masuk"
_ATTEMPT_FOR_S: Final = 600
"""Somebody may have to find a phone for the second factor."""
_FORM_BYTES: Final = 16 * 1024
"""A note on an alert and the names of some fields."""
_TOKEN_BYTES: Final = 3_800
"""Browsers drop cookies over 4,096 bytes, name and attributes included."""
_CALLBACK: Final = "/masuk/kembali"
Then = Annotated[str, Query(alias="ke", max_length=2_000, description="The page to open afterwards")]


@dataclass(frozen=True)
class SignIn:
    """How one can sign in: by a provider, by one of the tokens in a folder (on this machine only), or not at all."""

    oidc: OidcClient | None = None
    ready_tokens: Path | None = None


def callback_under(base: str) -> str:
    """Return the address to which a provider sends browsers back."""
    return base + _CALLBACK


def create_router(frame: Frame, ways: SignIn) -> APIRouter:
    """Return the routes of signing in and out."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/masuk")
    async def show_sign_in(request: Request, view: View = Depends(frame.view), then: Then = "/") -> Response:
        """Show how one can sign in."""
        secret = session.secret_of(request) or secrets.token_urlsafe(32)
        ready = [(name, caller) for name, caller, _ in await _ready(frame, ways.ready_tokens)]
        response = frame.answer(
            request, "sign_in.html", view, cache=PRIVATE, then=_own(then), ready=ready,
            has_provider=ways.oidc is not None, proof=session.form_token(secret),
        )  # fmt: skip
        if session.token_of(request) is None:
            session.begin(request, response, secret)
        return response

    @router.post("/masuk")
    async def sign_in(request: Request, _language: Language = DEFAULT_LANGUAGE) -> Response:
        """Sign in by a ready token."""
        form = await own_form(frame, request)
        tokens = {name: token for name, _, token in await _ready(frame, ways.ready_tokens)}
        if form.get("nama", "") not in tokens:
            raise Problem(403, "sign_in_failed", "there is no such token here; choose one from the page")
        return _signed_in(tokens[form["nama"]], _own(form.get("ke", "/")))

    @router.get("/masuk/mulai")
    async def go_to_provider(view: View = Depends(frame.view), then: Then = "/") -> Response:
        """Send the browser to the provider; what it brings back is compared with what it keeps in a cookie."""
        if ways.oidc is None:
            raise Problem(404, "not_found", "no provider is set")
        started = await ways.oidc.start(view.to(_own(then)) if then == "/" else _own(then))
        response = RedirectResponse(started.address, 303, headers={"Cache-Control": PRIVATE})
        kept = base64.urlsafe_b64encode(msgspec.json.encode(started.attempt)).decode()
        response.set_cookie(_ATTEMPT, kept, _ATTEMPT_FOR_S, path="/", secure=True, httponly=True, samesite="lax")
        return response

    async def come_back(request: Request) -> Response:
        """Take the token that the provider gives for the code."""
        attempt = _attempt(request)
        if ways.oidc is None or attempt is None:
            raise Problem(403, "sign_in_failed", "no sign-in was begun in this browser, or too long ago; begin anew")
        token = await ways.oidc.finish(attempt, f"{callback_under(frame.base)}?{request.url.query}")
        await frame.depends.bearer.caller_of(token)
        response = _signed_in(token, attempt.then)
        response.delete_cookie(_ATTEMPT, path="/", secure=True, httponly=True, samesite="lax")
        return response

    # A plain route: providers add parameters of their own, which are not refused.
    router.add_route(_CALLBACK, refusing(frame, come_back), methods=["GET"])

    @router.post("/keluar")
    async def leave(request: Request, view: View = Depends(frame.view)) -> Response:
        """Sign out."""
        await own_form(frame, request)
        response = RedirectResponse(view.to("/"), 303, headers={"Cache-Control": PRIVATE})
        session.sign_out(response)
        return response

    return router


async def own_form(frame: Frame, request: Request) -> dict[str, str]:
    """Return the fields of a form that a page of ours sent. Raises: Problem 403, 413."""
    body = (await read_body(request, _FORM_BYTES)).decode("utf-8", "replace")
    fields = {name: values[0] for name, values in parse_qs(body).items()}
    session.demand_own_form(request, frame.base, fields.get(session.FORM_FIELD, ""))
    return fields


def _signed_in(token: str, then: str) -> Response:
    if len(token) > _TOKEN_BYTES:
        raise Problem(403, "sign_in_failed", f"the token is over {_TOKEN_BYTES} bytes; let it have fewer claims")
    response = RedirectResponse(then, 303, headers={"Cache-Control": PRIVATE})
    session.sign_in(response, token)
    return response


async def _ready(frame: Frame, folder: Path | None) -> list[tuple[str, Caller, str]]:
    """Return the tokens in the folder with which pages can be read: name, caller and token."""
    found = []
    for name, token in _tokens_in(folder) if folder else ():
        try:
            caller = await frame.depends.bearer.caller_of(token)
        except Problem:
            continue  # It has expired: the stack writes new ones when it starts.
        if caller.may(SCOPE):
            found.append((name, caller, token))
    return found


def _tokens_in(folder: Path) -> list[tuple[str, str]]:
    return [(file.stem, file.read_text().strip()) for file in sorted(folder.glob("*.jwt"))]


def _attempt(request: Request) -> Attempt | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(request.cookies.get(_ATTEMPT, "")), type=Attempt)
    except (ValueError, msgspec.MsgspecError):
        return None


def _own(path: str) -> str:
    """Return a path of ours; the first page for anything that would lead to another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path else "/"
