"""The token issuer's public keys: fetched, kept for a while, and kept somewhat longer while the issuer is unwell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc.jwk import ECKey, KeySet, OKPKey

from shared.runtime.clock import Clock
from shared.runtime.errors import TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

KEYS_KEPT: Final = timedelta(minutes=5)
"""How long a withdrawn key is still accepted while the issuer answers."""
KEYS_KEPT_AT_MOST: Final = timedelta(hours=1)
"""How long keys are believed that the issuer has not confirmed: it may be unwell for so long, and no key longer."""
KEYS_RETRY: Final = timedelta(seconds=10)
"""A token that fits no key makes us fetch the keys again, as they may have rotated, but not more often than this."""
_NO_KEYS_RETRY: Final = timedelta(seconds=1)
"""Without any keys nobody can call, so that the issuer is asked often."""

FetchKeys = Callable[[], Awaitable[bytes]]
"""Returns what the issuer answers. Raises: TransientError."""
_KINDS: Final[Mapping[str, type[ECKey] | type[OKPKey]]] = {"EC": ECKey, "OKP": OKPKey}
"""`kty` → kind, of the algorithms that we accept. A JWKS may hold others, for other readers."""
_CURVES: Final = ("P-256", "Ed25519", "Ed448")


class IssuerKeys:
    """Gives the keys that are believed now. A bad answer of the issuer changes nothing; the next try comes later."""

    def __init__(self, fetch: FetchKeys, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._confirmed_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._failures = 0
        self._fetching = asyncio.Lock()

    async def current(self, kept: timedelta) -> KeySet:
        """Return the keys, fetched at most `kept` ago where the issuer is well.

        While one caller fetches, others go on with the keys there are. Raises: TransientError when there are none.
        """
        if self._is_due(kept) and (self._keys is None or not self._fetching.locked()):
            async with self._fetching:
                if self._is_due(kept):
                    await self._renew()
        if self._keys is None:
            raise TransientError("the token issuer's keys are not known now")
        return self._keys

    def _is_due(self, kept: timedelta) -> bool:
        """Say whether the keys must be fetched; after each failure in a row twice as much later."""
        if self._tried_at is None:
            return True
        if self._keys is None:
            kept = _NO_KEYS_RETRY
        elif self._failures:
            kept = min(KEYS_RETRY * 2 ** min(self._failures - 1, 10), KEYS_KEPT)
        return self._clock.now() - self._tried_at > kept

    async def _renew(self) -> None:
        now = self._tried_at = self._clock.now()
        try:
            self._keys = read_keys(await self._fetch())
        except TransientError as error:
            self._failures += 1
            _log.warning("the token issuer's keys were not renewed", failures=self._failures, error=str(error))
            if self._confirmed_at is not None and now - self._confirmed_at > KEYS_KEPT_AT_MOST:
                self._keys = None
        else:
            self._confirmed_at, self._failures = now, 0


def read_keys(answer: bytes) -> KeySet:
    """Return the keys in a JWKS that we understand; others are passed over.

    Raises: TransientError where there is none, or the answer is no JWKS.
    """
    try:
        listed = json.loads(answer)["keys"]
        keys: list[Any] = [key for one in listed if (key := _key(one)) is not None]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise TransientError(f"the token issuer's answer is no JWKS ({type(error).__name__})") from error
    if not keys:
        raise TransientError("the token issuer's answer holds no key for ES256 or EdDSA")
    return KeySet(keys)


def _key(one: Any) -> ECKey | OKPKey | None:
    """Return one key, or None where it is of another kind or curve, or broken."""
    kind = _KINDS.get(str(one.get("kty"))) if isinstance(one, dict) else None
    if kind is None or one.get("crv") not in _CURVES:
        return None
    try:
        key = kind.import_key(one)
        # Reads the curve's point, which may be none.
        key.get_op_key("verify")
    except Exception as error:  # joserfc and cryptography raise many kinds for a broken key
        _log.warning("a key of the token issuer cannot be read", error=type(error).__name__)
        return None
    return key
