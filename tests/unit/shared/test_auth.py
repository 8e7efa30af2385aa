"""Who may call: tokens, expiry, audience, rotation."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.runtime.auth import CLOCK_SKEW, AuthError, TokenVerifier
from shared.runtime.errors import TransientError
from shared.runtime.issuer_keys import KEYS_KEPT, KEYS_RETRY
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def clock() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock()


@pytest.fixture
def issuer(clock: ManualClock) -> Issuer:
    """An issuer on that clock."""
    return Issuer(clock)


@pytest.fixture
def verifier(issuer: Issuer, clock: ManualClock) -> TokenVerifier:
    """A verifier that trusts it."""
    return TokenVerifier(issuer.keys, ISSUER, AUDIENCE, clock)


@pytest.mark.parametrize("kind", ["ES256", "Ed25519"])
async def test_a_good_token_names_its_caller(issuer: Issuer, verifier: TokenVerifier, kind: str) -> None:
    """Subject, scopes, sources, role and region; signed ES256 or EdDSA."""
    issuer.rotate(kind)
    caller = await verifier.verify(issuer.token(role="gubernur", region="11"))
    assert (caller.subject, caller.role, caller.region) == ("upstream", "gubernur", "11")
    assert caller.may("facts:write")
    assert not caller.may("identity:erase")
    assert caller.sources == {"bpjs/aceh", "dinas/aceh"}


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other"}, "not for this service"),
        ({"aud": "other"}, "not for this service"),
        ({"exp": ...}, "not for this service"),
        ({"sub": ...}, "not for this service"),
        ({"scope": ["facts:write"]}, "scope must be a string"),
        ({"sources": "bpjs/aceh"}, "sources a list"),
    ],
)
async def test_a_token_with_wrong_or_missing_claims_is_refused(
    issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], reason: str
) -> None:
    """The reason says what to do."""
    with pytest.raises(AuthError, match=reason):
        await verifier.verify(issuer.token(**claims))


async def test_an_expired_token_is_refused_once_the_skew_is_over(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    """Clocks may differ by half a minute."""
    token = issuer.token(valid_for=timedelta(minutes=1))
    clock.advance(timedelta(minutes=1) + CLOCK_SKEW / 2)
    await verifier.verify(token)
    clock.advance(CLOCK_SKEW)
    with pytest.raises(AuthError, match="expired"):
        await verifier.verify(token)


async def test_a_known_token_is_judged_again_where_the_clock_was_set_back(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    """Before the instant at which it was found good it may not have begun yet."""
    token = issuer.token(nbf=int(clock.now().timestamp()))
    assert await verifier.verify(token) == await verifier.verify(token)
    clock.advance(-timedelta(minutes=5))
    with pytest.raises(AuthError):
        await verifier.verify(token)


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
async def test_an_unsigned_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    """Garbage, and `alg: none`."""
    with pytest.raises(AuthError):
        await verifier.verify(token)


@pytest.mark.parametrize(
    "header",
    [{"crit": 5}, {"crit": ["x"]}, {"alg": ["ES256"]}, {"alg": {}}, {"kid": {}}, {"b64": False, "crit": ["b64"]},
     {"jwk": 5}, {"typ": [], "x5c": "x"}, [], 5, None, "x"],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("payload", [b"{}", b"\xff", b"5", b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"], ids=len)
async def test_whatever_fails_to_decode_is_refused(verifier: TokenVerifier, header: Any, payload: bytes) -> None:
    """No hostile header or payload is an error of ours."""
    if isinstance(header, dict):
        header = {"alg": "ES256", "kid": "k1"} | header
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (json.dumps(header).encode(), payload)]
    for signature in ("", "eHh4eHg", "%%%", "\u00e9"):
        with pytest.raises(AuthError):
            await verifier.verify(".".join([*parts, signature]))


async def test_a_source_that_is_no_word_admits_nobody(issuer: Issuer, verifier: TokenVerifier) -> None:
    """`null` is not the source "None"."""
    assert (await verifier.verify(issuer.token(sources=[None, 5, "bpjs/aceh"]))).sources == {"bpjs/aceh"}


async def test_a_token_signed_by_a_stranger_is_refused(verifier: TokenVerifier, clock: ManualClock) -> None:
    """Same key id, other key."""
    with pytest.raises(AuthError, match="signature"):
        await verifier.verify(Issuer(clock).token())


async def test_a_rotated_key_is_fetched_when_a_token_needs_it(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    """Not at every bad token: only when the last fetch is some seconds old."""
    await verifier.verify(issuer.token())
    issuer.rotate()
    for _ in range(3):
        with pytest.raises(AuthError):
            await verifier.verify(issuer.token())
    assert issuer.fetches == 1
    clock.advance(KEYS_RETRY * 2)
    await verifier.verify(issuer.token())
    assert issuer.fetches == 2


async def test_known_keys_serve_on_while_the_issuer_is_away(
    issuer: Issuer, verifier: TokenVerifier, clock: ManualClock
) -> None:
    """An outage of the issuer does not affect callers whose token can still be checked."""
    await verifier.verify(issuer.token())
    issuer.down = True
    clock.advance(KEYS_KEPT * 2)
    await verifier.verify(issuer.token())


async def test_without_any_keys_the_caller_should_try_again(issuer: Issuer, verifier: TokenVerifier) -> None:
    """The error is transient: the token may be good."""
    issuer.down = True
    with pytest.raises(TransientError):
        await verifier.verify(issuer.token())
