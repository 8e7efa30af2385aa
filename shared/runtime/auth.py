"""Bearer tokens: JWTs signed ES256 or EdDSA, checked against keys from a file or a URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.runtime.clock import Clock
from shared.runtime.issuer_keys import KEYS_KEPT, KEYS_RETRY, FetchKeys, IssuerKeys

ALGORITHMS: Final = ["ES256", "EdDSA", "Ed25519"]
"""Signatures with public keys only. `Ed25519` is the newer name of EdDSA on that curve (RFC 9864)."""
CLOCK_SKEW: Final = timedelta(seconds=30)
"""Allowed difference between clocks; more would accept expired tokens for too long."""
TOKENS_KEPT: Final = 1000
"""Checked signatures that are remembered: far more than there are clients, and few enough for memory."""


class AuthError(Exception):
    """The token is not acceptable. `reason` says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: subject and scopes of the token, and the sources whose facts it may write."""

    subject: str
    scopes: frozenset[str]
    sources: frozenset[str]
    role: str | None = None
    region: str | None = None

    def may(self, scope: str) -> bool:
        """Say whether the token carries the scope."""
        return scope in self.scopes


@dataclass(slots=True)
class _Verified:
    """The claims of a token with a good signature, and whom they name once they have been judged.

    From the instant `since` (seconds since 1970), when they were found good, to their expiry they need no second look:
    nothing else can change the judgement.
    """

    claims: dict[str, Any]
    caller: Caller | None = None
    since: float = 0.0


class TokenVerifier:
    """Checks signature, `iss`, `aud`, `exp` and `nbf`; reads scopes and claims."""

    def __init__(self, fetch: FetchKeys, issuer: str, audience: str, clock: Clock) -> None:
        self._keys = IssuerKeys(fetch, clock)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._verified: dict[str, _Verified] = {}
        self._verified_with: KeySet | None = None

    async def verify(self, token: str) -> Caller:
        """Return the caller that the token names. Raises: AuthError; TransientError when there are no keys yet."""
        keys = await self._keys.current(KEYS_KEPT)
        if keys is not self._verified_with:
            self._verified, self._verified_with = {}, keys
        verified = self._verified.get(token)
        if verified is None:
            verified = _Verified((await self._decode(token, keys)).claims)
            self._remember(token, verified)
        now = self._clock.now().timestamp()
        if verified.caller and verified.since <= now < verified.claims["exp"]:
            return verified.caller
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(now),
            leeway=int(CLOCK_SKEW.total_seconds()),
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(verified.claims)
        except JoseError as error:
            raise AuthError(_explain(error)) from error
        except Exception as error:  # claims of other types, such as a text for `exp`
            raise AuthError("the token's claims cannot be read; get a new one") from error
        verified.caller, verified.since = _caller(verified.claims), now
        return verified.caller

    def _remember(self, token: str, verified: _Verified) -> None:
        """Remember a token with a good signature: a client sends the same one for hours."""
        if len(self._verified) >= TOKENS_KEPT:
            self._verified.clear()
        self._verified[token] = verified

    async def _decode(self, token: str, keys: KeySet) -> jwt.Token:
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except Exception as error:  # joserfc raises TypeError, RecursionError and more for hostile tokens
            renewed = await self._keys.current(KEYS_RETRY)
            if renewed is not keys:
                return await self._decode(token, renewed)
            raise AuthError("the token cannot be read or its signature fits no key; get a new one") from error


def _explain(error: JoseError) -> str:
    if error.error == "expired_token":
        return "the token has expired; get a new one"
    return f"the token is not for this service ({error.description or error.error})"


def _caller(claims: dict[str, Any]) -> Caller:
    scope = claims.get("scope", "")
    sources = claims.get("sources", [])
    if not isinstance(scope, str) or not isinstance(sources, list):
        raise AuthError("the token's scope must be a string and its sources a list")
    if not all(isinstance(claims.get(name), str | None) for name in ("role", "region")):
        raise AuthError("the token's role and region must be strings")
    return Caller(
        subject=str(claims["sub"]),
        scopes=frozenset(scope.split()),
        sources=frozenset(source for source in sources if isinstance(source, str)),
        role=claims.get("role"),
        region=claims.get("region"),
    )
