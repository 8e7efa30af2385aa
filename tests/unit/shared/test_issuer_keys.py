"""An issuer that is unwell breaks no token whose key is known, and no key outlives its issuer for long."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runtime.auth import AuthError, TokenVerifier
from shared.runtime.errors import TransientError
from shared.runtime.issuer_keys import KEYS_KEPT, KEYS_KEPT_AT_MOST, KEYS_RETRY, read_keys
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer

NOT_UNDERSTOOD: list[Any] = [
    {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "new"},
    {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "broken"},
    {"kty": "OKP", "crv": "Ed25519", "x": "!", "kid": "broken"},
    {"kty": "AKP", "kid": "later"},
    {"kty": ["EC"], "crv": {}},
    {"kty": "oct", "k": "c2VjcmV0", "kid": "k1"},
    {},
    5,
    None,
]
BAD_ANSWERS = [
    b"<html>", b"{}", b"", b"[]", b"5", b'{"keys": 5}', b'{"keys": {}}', b'{"keys": []}', b"\xff", b"[" * 99_999,
    json.dumps({"keys": NOT_UNDERSTOOD}).encode(),
]  # fmt: skip


class World:
    """An issuer whose answer a test may replace."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.issuer = Issuer(self.clock)
        self.answer: bytes | None = None
        self.tries = 0
        self.verifier = TokenVerifier(self.fetch, ISSUER, AUDIENCE, self.clock)

    async def fetch(self) -> bytes:
        """Return the issuer's keys, or what the test put in their place."""
        self.tries += 1
        return await self.issuer.keys() if self.answer is None else self.answer


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=lambda answer: repr(answer[:12]))
async def test_a_bad_answer_breaks_no_token_whose_key_is_known(answer: bytes) -> None:
    """HTML, an empty object, no key that we understand: the old keys go on, for tokens seen before and for new ones."""
    world = World()
    seen = world.issuer.token()
    await world.verifier.verify(seen)
    world.answer = answer
    world.clock.advance(KEYS_KEPT * 2)
    await world.verifier.verify(seen)
    await world.verifier.verify(world.issuer.token(sub="another"))
    assert world.tries == 2
    world.answer = None
    world.issuer.rotate()
    world.clock.advance(KEYS_RETRY * 2)
    await world.verifier.verify(world.issuer.token())
    with pytest.raises(AuthError):
        await world.verifier.verify(seen)


async def test_what_is_understood_is_taken() -> None:
    """Keys of unknown kinds and curves, and broken ones, beside a good one."""
    world = World()
    good = json.loads(await world.issuer.keys())["keys"]
    world.answer = json.dumps({"keys": [*NOT_UNDERSTOOD, *good]}).encode()
    await world.verifier.verify(world.issuer.token())


async def test_an_unwell_issuer_is_asked_ever_more_rarely() -> None:
    """Tokens that fit no key make no more fetches either."""
    world = World()
    await world.verifier.verify(world.issuer.token())
    world.answer = b"<html>"
    stranger = Issuer(world.clock).token(valid_for=timedelta(hours=9))
    for _ in range(3600):
        world.clock.advance(timedelta(seconds=1))
        with pytest.raises((AuthError, TransientError)):
            await world.verifier.verify(stranger)
    assert world.tries < 20


async def test_no_key_outlives_its_issuer_for_long() -> None:
    """After an hour without a good answer nothing is believed; the caller shall come back."""
    world = World()
    token = world.issuer.token(valid_for=timedelta(hours=9))
    await world.verifier.verify(token)
    world.issuer.down = True
    elapsed = timedelta()
    while elapsed <= KEYS_KEPT_AT_MOST:
        await world.verifier.verify(token)
        world.clock.advance(timedelta(minutes=1))
        elapsed += timedelta(minutes=1)
    world.clock.advance(KEYS_KEPT * 2)
    with pytest.raises(TransientError):
        await world.verifier.verify(token)
    world.issuer.down = False
    world.clock.advance(KEYS_KEPT * 2)
    await world.verifier.verify(token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(["alg", "kid", "crit", "b64", "typ", "cty", "jwk", "jku", "x5c", "x5t", "zip", "enc"])
CLAIMS = st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "scope", "sources", "role", "region"])
DEEP = b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


def encoded(part: bytes) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


@settings(deadline=None)
@given(
    header=st.dictionaries(NAMES, JSON, max_size=4).map(lambda drawn: {"alg": "ES256", "kid": "k1"} | drawn)
    | JSON
    | st.just({"alg": "ES256", "kid": "k1", "crit": 5}),
    payload=JSON.map(lambda drawn: json.dumps(drawn).encode()) | st.binary(max_size=40) | st.just(DEEP),
    signature=st.binary(max_size=70).map(encoded) | st.text(max_size=8),
    dots=st.sampled_from([".", "..", ""]),
)
async def test_whatever_fails_to_decode_is_refused(header: Any, payload: bytes, signature: str, dots: str) -> None:
    """No hostile header, payload or signature is an error of ours."""
    world = World()
    with pytest.raises(AuthError):
        await world.verifier.verify(f"{encoded(json.dumps(header).encode())}.{encoded(payload)}{dots}{signature}")


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "scope", "sources", "role", "region"]),
        JSON,
        min_size=1,
    )
)
async def test_signed_claims_of_other_types_are_refused_or_read(claims: dict[str, Any]) -> None:
    """The issuer may be wrong, too: a text for `exp` is a bad token and no error of ours."""
    world = World()
    try:
        caller = await world.verifier.verify(world.issuer.token(**claims))
    except AuthError:
        return
    assert all(isinstance(source, str) for source in caller.sources)
    assert isinstance(caller.role, str | None)
    assert isinstance(caller.region, str | None)


@given(st.binary(max_size=40) | JSON.map(lambda drawn: json.dumps({"keys": drawn}).encode()))
def test_an_answer_that_is_no_key_set_is_transient(answer: bytes) -> None:
    """Never another error: the keys that are known stay."""
    with pytest.raises(TransientError):
        read_keys(answer)
