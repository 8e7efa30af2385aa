"""Hashes identities with keys, in layers: each key hashes the result of the key before it (ADR 0015)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from services.registry.identity.identity import Identity
from services.registry.identity.ports import Layers
from shared.runtime.errors import PermanentError

DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Key:
    """The keys derived from one secret. `id` names the secret without revealing anything of it."""

    identity: bytes
    content: bytes
    id: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys, oldest first, each derived for one use only.

    `change` always comes from the first secret: it hashes no identity, only random ids of persons, and a `change_id`
    must be the same in every publication.
    """

    keys: tuple[Key, ...]
    change: bytes

    @classmethod
    def derive(cls, *secrets: bytes) -> Secrets:
        """Return the keys derived from these secrets, which are given oldest first."""
        return cls(tuple(map(_key, secrets)), _derived(secrets[0], "change"))

    @property
    def content(self) -> bytes:
        """The key of the first layer of digests."""
        return self.keys[0].content

    @property
    def ids(self) -> list[str]:
        """The names of the keys, oldest first."""
        return [key.id for key in self.keys]

    def key_id(self, layer: int) -> str:
        """Return the name of the key that makes a layer."""
        return self.keys[layer - 1].id

    def hashes(self, identity: Identity, layers: Layers) -> list[bytes]:
        """Return the hashes of an identity at each of the layers, oldest first."""
        hashed = f"{identity.scheme}\n{identity.value}".encode()
        made = []
        for layer in range(1, layers.newest + 1):
            hashed = self.raised(hashed, layer)
            if layer >= layers.oldest:
                made.append(hashed)
        return made

    def raised(self, hashed: bytes, layer: int) -> bytes:
        """Return the hash at this layer, made from the hash at the layer below. The identity is not needed."""
        return hmac.digest(self.keys[layer - 1].identity, hashed, "sha256")

    def digest_at(self, layer: int, digest: bytes, below: int = 1) -> bytes:
        """Return a digest at this layer, made from the digest at the layer `below`."""
        for key in self.keys[below:layer]:
            digest = hashlib.blake2b(digest, key=key.content, digest_size=DIGEST_BYTES).digest()
        return digest

    def require(self, layers: Layers) -> None:
        """Raise PermanentError where a layer in use needs a key that is missing here."""
        if layers.newest > len(self.keys):
            raise PermanentError(
                f"hashes of {layers.newest} keys are in use and this replica's identity key file holds "
                f"{len(self.keys)}; give it the whole file and restart it"
            )


def _key(secret: bytes) -> Key:
    return Key(_derived(secret, "identity"), _derived(secret, "content"), _derived(secret, "key-id").hex()[:8])


def _derived(secret: bytes, use: str) -> bytes:
    return hmac.digest(secret, f"cakupan/{use}".encode(), "sha256")
