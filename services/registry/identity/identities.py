"""Looks identities up and introduces them, at every layer of hashes in use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.registry.identity.hashing import Secrets
from services.registry.identity.identity import Identity
from services.registry.identity.ports import IdentityTransaction, Keyed, Layers


@dataclass(frozen=True, slots=True)
class Known:
    """The holders of the known identities, and the rows that introduce the others."""

    holders: Mapping[Identity, str]
    layers: Layers
    _hashes: Mapping[Identity, list[bytes]]
    _secrets: Secrets

    def rows(self, introduced: Mapping[Identity, str]) -> list[Keyed]:
        """Return the rows that recognise these identities again: one a layer, so that no layer sees them as new."""
        return [
            Keyed(hashed, holder, self._secrets.key_id(layer))
            for who, holder in introduced.items()
            for layer, hashed in enumerate(self._hashes[who], self.layers.oldest)
        ]

    def digest(self, first: bytes, layer: int | None = None) -> bytes:
        """Return a digest at this layer, else the newest. `first` is the digest at the first layer."""
        return self._secrets.digest_at(layer or self.layers.newest, first)


class Identities:
    """Finds holders. It remembers which layers are in use, since they change only twice in a rotation of keys.

    It never relies on that: the store's answer says which layers the same transaction sees.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._layers = Layers()

    async def find(self, transaction: IdentityTransaction, identities: Collection[Identity]) -> Known:
        """Return which of these identities are known.

        Raises: PermanentError where a layer in use needs a key that this replica lacks; everyone would be new to it.
        """
        layers = self._layers
        while True:
            hashes = {who: self._secrets.hashes(who, layers) for who in identities}
            of = {hashed: who for who, made in hashes.items() for hashed in made}
            found = await transaction.holders(of.keys())
            if found.layers == layers:
                holders = {of[hashed]: holder for hashed, holder in found.by_hash.items()}
                return Known(holders, layers, hashes, self._secrets)
            self._secrets.require(found.layers)
            self._layers = layers = found.layers
