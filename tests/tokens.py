"""A token issuer for tests, with keys that can be rotated."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet, OKPKey

from shared.runtime.clock import Clock
from shared.runtime.errors import TransientError

ISSUER = "https://cakupan.test"
AUDIENCE = "cakupan"


class Issuer:
    """Signs tokens; `keys()` is what the verifier fetches."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._serial = 0
        self.fetches = 0
        self.down = False
        self.rotate()

    def rotate(self, kind: str = "ES256") -> None:
        """Replace the key by a new one."""
        self._serial += 1
        parameters: KeyParameters = {"kid": f"k{self._serial}", "use": "sig"}
        self._alg = kind
        self._key: ECKey | OKPKey = (
            ECKey.generate_key("P-256", parameters=parameters)
            if kind == "ES256"
            else OKPKey.generate_key("Ed25519", parameters=parameters)
        )

    def token(self, valid_for: timedelta = timedelta(hours=1), **claims: Any) -> str:
        """Return a token; `claims` replace the usual ones, a value of `...` takes one out."""
        usual: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "upstream",
            "exp": int((self._clock.now() + valid_for).timestamp()),
            "scope": "facts:write coverage:read",
            "sources": ["bpjs/aceh", "dinas/aceh"],
        }
        payload = {name: value for name, value in (usual | claims).items() if value is not ...}
        header = {"alg": self._alg, "kid": f"k{self._serial}"}
        return jwt.encode(header, payload, self._key, algorithms=[self._alg])

    async def keys(self) -> bytes:
        """Return the public keys, as the verifier fetches them."""
        self.fetches += 1
        if self.down:
            raise TransientError("the issuer is away")
        return json.dumps(KeySet([self._key]).as_dict(private=False)).encode()

    async def write_keys(self, path: Path) -> str:
        """Write the public keys to a file and return its name, for a service's settings."""
        path.write_bytes(await self.keys())  # noqa: ASYNC240
        return str(path)
