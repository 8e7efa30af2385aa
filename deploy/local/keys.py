"""The local stack's own token issuer and the services' secret keys, made once and kept."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local.settings import SERVICES, Home, write_whole

ISSUER: Final = "https://cakupan.local"
AUDIENCE: Final = "cakupan"
VALID_FOR: Final = timedelta(days=30)
_ALGORITHM: Final = "ES256"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token lets its bearer do, and for an official who they are."""

    subject: str
    scope: str
    sources: tuple[str, ...] = ()
    role: str | None = None
    region: str | None = None


READY: Final = (
    Grant("upstream", "facts:write", sources=("bpjs/aceh", "dinas/aceh", "bpjs/kalsel", "dinas/tanah-bumbu")),
    Grant("operator", "reference:write coverage:read notifier:admin alerts:ack identity:erase"),
    Grant("governor-aceh", "coverage:read alerts:ack", role="gubernur", region="11"),
    Grant("regent-tanah-bumbu", "coverage:read alerts:ack", role="bupati", region="63.10"),
)
"""One each for an upstream system, an operator and two officials."""
_LOADER: Final = Grant("officials", "notifier:admin")
"""For the container that only loads the officials."""


class Keys:
    """The keys of one folder; they stay the same until `make reset`."""

    def __init__(self, home: Home) -> None:
        """Read the keys; those that are missing are made now."""
        self.jwks = home.keys / "jwks.json"
        self.identity = home.keys / "identity.key"
        self.ack_links = home.keys / "ack-links.key"
        self._tokens = home.tokens
        self._signing = _signing_key(home.keys / "issuer.key")
        write_whole(self.jwks, json.dumps(KeySet([self._signing]).as_dict(private=False)))
        for secret in (self.identity, self.ack_links):
            if not secret.exists():
                write_whole(secret, secrets.token_hex(32))

    def issue_token(self, grant: Grant, now: datetime, valid_for: timedelta = VALID_FOR) -> str:
        """Return a signed token; one of a negative duration has expired already."""
        claims = {
            "sub": grant.subject,
            "scope": grant.scope,
            "sources": list(grant.sources),
            "role": grant.role,
            "region": grant.region,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + valid_for).timestamp()),
        }
        said = {name: value for name, value in claims.items() if value}
        return jwt.encode({"alg": _ALGORITHM, "kid": self._signing.kid}, said, self._signing)

    def write_tokens(self, now: datetime) -> None:
        """Write the ready tokens anew, so that they last from this start on."""
        for grant in READY:
            write_whole(self._tokens / f"{grant.subject}.jwt", self.issue_token(grant, now))


def share(keys: Keys, folder: Path, now: datetime) -> None:
    """Give each service a folder with the keys that it needs: public ones for all, secrets for their service.

    Who loads the officials gets a token that allows no more than that.
    """
    for name in SERVICES:
        write_whole(folder / name / "keys" / "jwks.json", keys.jwks.read_text())
    write_whole(folder / "registry" / "keys" / "identity.key", keys.identity.read_text())
    write_whole(folder / "notifier" / "keys" / "ack-links.key", keys.ack_links.read_text())
    write_whole(folder / "officials" / "tokens" / "officials.jwt", keys.issue_token(_LOADER, now))


def _signing_key(file: Path) -> ECKey:
    if not file.exists():
        made = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": _ALGORITHM}, auto_kid=True)
        write_whole(file, json.dumps(made.as_dict(private=True)))
    return ECKey.import_key(json.loads(file.read_text()))
