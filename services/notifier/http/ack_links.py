"""Links by which an official acknowledges an alert without a token: signed, bound to both, and with an end.

A link is a JWT, so that signing and checking are the library's (joserfc).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError
from joserfc.jwk import OctKey

from shared.runtime.errors import PermanentError

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "cakupan-ack"
"""Told apart from a token of the API, should both ever be signed with one key."""
SHORTEST_KEY_BYTES: Final = 32
"""As long as the digest; RFC 7518 asks for no less."""


class BadLink(Exception):  # noqa: N818 - it says what the link is
    """The link was changed on its way, or is none of ours."""


class ExpiredLink(Exception):  # noqa: N818 - it says what the link is
    """The link was ours; its time is over."""


@dataclass(frozen=True, slots=True)
class AckLink:
    """What a link says: this official may acknowledge this alert, until `expires`."""

    alert: str
    official: str
    expires: datetime

    @property
    def id(self) -> str:
        """The name under which its use is noted.

        It is made from what the link says, since one signature may be written as several texts.
        """
        return f"{self.alert}/{self.official}/{int(self.expires.timestamp())}"


class AckLinks:
    """Makes and reads links. `public_url`: where officials reach this service."""

    def __init__(self, key: bytes, public_url: str) -> None:
        if len(key) < SHORTEST_KEY_BYTES:
            raise ValueError(f"the key of the links has {len(key)} bytes; make one of at least {SHORTEST_KEY_BYTES}")
        self._key = OctKey.import_key(key)
        self._base = public_url.rstrip("/")

    @classmethod
    def from_file(cls, file: Path, public_url: str) -> AckLinks:
        """Return the links signed with the key that the file holds in hex. Raises: PermanentError."""
        try:
            return cls(bytes.fromhex(file.read_text(encoding="ascii").strip()), public_url)
        except (OSError, ValueError) as error:
            digits = 2 * SHORTEST_KEY_BYTES
            raise PermanentError(
                f"NOTIFIER_ACK_KEY_FILE: {file} holds no key ({error}); write {digits} random hex digits"
            ) from error

    def url(self, alert: str, official: str, expires: datetime) -> str:
        """Return the address of the page with the button. `expires` is cut to seconds."""
        claims = {"aud": _AUDIENCE, "alert": alert, "sub": official, "exp": int(expires.timestamp())}
        return f"{self._base}/ack/{jwt.encode({'alg': _ALGORITHM}, claims, self._key)}"

    def read(self, token: str, now: datetime) -> AckLink:
        """Return what the last part of the address says. Raises: BadLink, ExpiredLink."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            registry = jwt.JWTClaimsRegistry(
                now=int(now.timestamp()), aud={"essential": True, "value": _AUDIENCE}, exp={"essential": True}
            )
            registry.validate(claims)
            return AckLink(claims["alert"], claims["sub"], datetime.fromtimestamp(claims["exp"], now.tzinfo))
        except ExpiredTokenError as error:
            raise ExpiredLink from error
        except Exception as error:  # joserfc raises errors of many kinds for a hostile text
            raise BadLink from error
