"""Sign-in by OpenID Connect: authorization code flow with PKCE (RFC 7636), by Authlib's functions over httpx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import httpx
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response, prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.adapters.http_problem import Problem
from shared.runtime.auth import CLOCK_SKEW
from shared.runtime.clock import Clock
from shared.runtime.errors import TransientError

_SCOPE: Final = "openid coverage:read alerts:ack"
_ALGORITHMS: Final = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]
"""Of id tokens: providers sign these with RS256 unless told otherwise. Our own token has to pass the API's check."""
_WITHIN_S: Final = 10.0
_RANDOM: Final = 48
"""Characters of state, nonce and verifier; RFC 7636 asks for 43 at least."""


class Attempt(msgspec.Struct, frozen=True):
    """A sign-in that was begun; it waits in a cookie of the browser that began it. `then` is the page to open after."""

    state: str
    nonce: str
    verifier: str
    then: str


class Started(NamedTuple):
    """Where the browser goes to sign in, and what it keeps meanwhile."""

    address: str
    attempt: Attempt


@dataclass(frozen=True)
class OidcClient:
    """A client of one provider. `callback` is our address to which the provider sends the browser back."""

    issuer: str
    client_id: str
    client_secret: str | None
    callback: str
    clock: Clock

    async def start(self, then: str) -> Started:
        """Begin a sign-in. Raises: TransientError where the provider does not answer."""
        state, nonce, verifier = (str(generate_token(_RANDOM)) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, then)
        about = await self._provider()
        address = prepare_grant_uri(
            about["authorization_endpoint"], self.client_id, "code", self.callback, _SCOPE, attempt.state,
            nonce=attempt.nonce, code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )  # fmt: skip
        return Started(str(address), attempt)

    async def finish(self, attempt: Attempt, address: str) -> str:
        """Return the access token for the address to which the browser came back.

        Raises: Problem 403 for an answer that is not of this attempt; TransientError.
        """
        about = await self._provider()
        try:
            answered = parse_authorization_code_response(address, attempt.state)
            if answered.get("iss", self.issuer) != self.issuer:
                raise _refused("the answer is another provider's")
            token = await self._exchange(about["token_endpoint"], str(answered["code"]), attempt.verifier)
            keys = KeySet.import_key_set(await _get(about["jwks_uri"]))  # type: ignore[arg-type]
            decoded = jwt.decode(str(token["id_token"]), keys, algorithms=_ALGORITHMS)
            self._check(decoded, attempt)
        except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
            raise _refused(f"the provider's answer cannot be used ({type(error).__name__})") from error
        return str(token["access_token"])

    def _check(self, id_token: jwt.Token, attempt: Attempt) -> None:
        """Pass an id token of this provider, for this client, of this attempt. Raises: JoseError."""
        options = {"iss": {"values": [self.issuer]}, "aud": {"values": [self.client_id]}}
        params = {"nonce": attempt.nonce, "client_id": self.client_id}
        claims = CodeIDToken(id_token.claims, id_token.header, options, params)
        claims.validate(now=int(self.clock.now().timestamp()), leeway=int(CLOCK_SKEW.total_seconds()))

    async def _exchange(self, endpoint: str, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.callback,
            "client_id": self.client_id, "code_verifier": verifier,
        }  # fmt: skip
        auth = (self.client_id, self.client_secret) if self.client_secret else None
        return await _ask("POST", endpoint, data=form, auth=auth)

    async def _provider(self) -> dict[str, Any]:
        """Return what the provider says about itself."""
        about = await _get(get_well_known_url(self.issuer, external=True))
        if about.get("issuer") != self.issuer:
            raise _refused("the provider calls itself otherwise; check COVERAGE_OIDC_ISSUER")
        return about


async def _get(address: str) -> dict[str, Any]:
    return await _ask("GET", address)


async def _ask(method: str, address: str, **about: Any) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S) as client:
            response = await client.request(method, address, **about)
    except httpx.HTTPError as error:
        raise TransientError(f"the sign-in provider does not answer ({type(error).__name__})") from error
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise TransientError(f"the sign-in provider answered {response.status_code}")
    if response.is_error:
        raise _refused(f"the provider answered {response.status_code}")
    return dict(response.json())


def _refused(why: str) -> Problem:
    return Problem(403, "sign_in_failed", f"{why}; begin to sign in anew")
