"""The local stack's issuer and the registry's identity key."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.local.keys import AUDIENCE, ISSUER, Keys, share
from deploy.local.settings import Home
from shared.runtime.auth import AuthError, TokenVerifier
from tests.fakes import ManualClock

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def verifier(keys: Keys, clock: ManualClock) -> TokenVerifier:
    """Return what a service checks tokens with."""

    async def fetch() -> bytes:
        return keys.jwks.read_bytes()

    return TokenVerifier(fetch, ISSUER, AUDIENCE, clock)


async def test_ready_tokens_are_accepted_for_thirty_days(tmp_path: Path) -> None:
    """With their scopes, sources, role and region; a second more and they have expired."""
    keys, clock = Keys(Home(tmp_path)), ManualClock(NOW)
    keys.write_tokens(NOW)
    tokens = {file.stem: file.read_text() for file in (tmp_path / "tokens").iterdir()}
    assert set(tokens) == {"upstream", "operator", "governor-aceh", "regent-tanah-bumbu"}
    clock.advance(timedelta(days=29))
    callers = {name: await verifier(keys, clock).verify(token) for name, token in tokens.items()}
    assert callers["upstream"].sources == {"bpjs/aceh", "dinas/aceh", "bpjs/kalsel", "dinas/tanah-bumbu"}
    assert callers["operator"].may("identity:erase")
    assert (callers["governor-aceh"].role, callers["governor-aceh"].region) == ("gubernur", "11")
    clock.advance(timedelta(days=2))
    with pytest.raises(AuthError, match="expired"):
        await verifier(keys, clock).verify(tokens["operator"])


def test_keys_stay_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    """A second start finds the same keys; every file is 0600, and the public set holds no private part."""
    Keys(Home(tmp_path)).write_tokens(NOW)
    before = {file: file.read_bytes() for file in (tmp_path / "keys").iterdir()}
    Keys(Home(tmp_path))
    assert {file: file.read_bytes() for file in (tmp_path / "keys").iterdir()} == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("*/*")} == {0o600}
    assert '"d"' not in (tmp_path / "keys" / "jwks.json").read_text()
    assert len(bytes.fromhex((tmp_path / "keys" / "identity.key").read_text())) == 32


def test_each_service_gets_the_keys_that_it_needs_and_no_others(tmp_path: Path) -> None:
    """Public keys for all, secrets for their service; never the issuer's key. One token only loads officials."""
    home = Home(tmp_path / "home")
    share(Keys(home), tmp_path / "shared", NOW)
    files = {str(file.relative_to(tmp_path / "shared")) for file in (tmp_path / "shared").rglob("*") if file.is_file()}
    jwks = {f"{name}/keys/jwks.json" for name in ("registry", "coverage", "notifier")}
    secrets = {"registry/keys/identity.key", "notifier/keys/ack-links.key", "officials/tokens/officials.jwt"}
    assert files == jwks | secrets
    public = KeySet.import_key_set(json.loads((tmp_path / "shared" / "notifier" / "keys" / "jwks.json").read_text()))
    token = jwt.decode((tmp_path / "shared" / "officials" / "tokens" / "officials.jwt").read_text(), public)
    assert token.claims["scope"] == "notifier:admin"
