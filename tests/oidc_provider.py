"""A small OpenID Connect provider for tests: discovery, authorization with PKCE, tokens and keys, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from tests.serving import listening
from tests.tokens import Issuer

CLIENT, SECRET = "cakupan-pages", "a test's secret"  # pragma: allowlist secret


@dataclass
class Provider:
    """Signs anybody in who comes; `changes` replaces parts of its answers."""

    issuer: Issuer
    claims: dict[str, Any]
    address: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def application(self) -> FastAPI:
        """Return the provider's endpoints."""
        api = FastAPI()

        @api.get("/.well-known/openid-configuration")
        async def about() -> dict[str, str]:
            ends = {name: f"{self.address}/{path}" for name, path in _ENDS.items()}
            return {"issuer": self.address, **ends, **self.changes.get("about", {})}

        @api.get("/authorize")
        async def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"], "iss": self.address, "session_state": "of no concern"}
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode(answer | self.changes.get('answer', {}))}", 302
            )

        @api.post("/token")
        async def token(request: Request) -> Response:
            form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            asked = self.codes.pop(form["code"], None)
            basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if request.headers.get("authorization") != f"Basic {basic}" or asked is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            if asked["code_challenge"] != challenge.decode().rstrip("=") or asked["code_challenge_method"] != "S256":
                return JSONResponse({"error": "invalid_grant"}, 400)
            about = {"iss": self.address, "aud": CLIENT, "nonce": asked["nonce"], "iat": 0}
            id_token = self.issuer.token(**about | self.changes.get("id_token", {}))
            access = self.issuer.token(**self.claims)
            return JSONResponse({"access_token": access, "id_token": id_token, "token_type": "Bearer"})

        @api.get("/keys")
        async def keys() -> Response:
            return Response(await self.issuer.keys(), media_type="application/json")

        return api


_ENDS = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}


@asynccontextmanager
async def provider(issuer: Issuer, **claims: Any) -> AsyncIterator[Provider]:
    """Run a provider whose access tokens have these claims."""
    running = Provider(issuer, claims)
    async with listening(running.application()) as running.address:
        yield running
