"""Rotates keys: every hash is hashed once more with the next key, while facts arrive (ADR 0015)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.registry.identity.hashing import Secrets
from services.registry.identity.ports import KeyStore
from shared.adapters.progress_bar import ProgressBar
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError


class Rotation:
    """Brings all hashes to the newest key. Started again after a kill, it goes on."""

    def __init__(self, store: KeyStore, secrets: Secrets, clock: Clock, progress: ProgressBar) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._progress = progress

    async def run(self) -> int:
        """Return how many keys were retired, once no hash of an older key than the newest is left.

        Raises: PermanentError when a replica lacks the next key, or the keys are not this store's.
        """
        layers = await self._store.open(self._secrets.ids)
        for layer in range(layers.oldest + 1, len(self._secrets.keys) + 1):
            if layers.newest < layer:
                await self._all_have(self._secrets.key_id(layer))
            await self._raise_to(layer)
        retired = self._secrets.ids[:-1]
        if retired:
            self._progress.begin("dropping the rows of retired keys", 1)
            await self._store.await_open_transactions()
            await self._store.drop(retired)
            self._progress.advance(1)
        return len(self._secrets.keys) - layers.oldest

    async def _all_have(self, key_id: str) -> None:
        behind = await self._store.members_without(key_id, self._clock.now())
        if behind:
            raise PermanentError(
                f"{', '.join(behind)} cannot use key {key_id} yet: give these replicas the whole identity key file, "
                "restart them, then begin again"
            )

    async def _raise_to(self, layer: int) -> None:
        """Bring all hashes from the layer below to this layer.

        1. Put the layer into use: from now on identities are looked up and introduced at both layers, and new digests
        are at this one. 2. Wait for the transactions that began before 1. 3. Move identities and raise digests, batch
        by batch. 4. Put the layer below out of use.
        A kill after 1 or within 3 leaves both layers in use, which is correct; the next run moves the rest.
        """
        old, new = self._secrets.key_id(layer - 1), self._secrets.key_id(layer)
        await self._store.begin(new, layer)
        self._progress.begin("waiting for transactions begun before", 1)
        await self._store.await_open_transactions()
        self._progress.advance(1)
        identities, facts = await self._store.sizes()
        raised = self._store.move_identities(old, new, lambda hashed: self._secrets.raised(hashed, layer))
        await self._drain(f"identities, key {old} to {new}", identities, raised)
        digests = self._store.move_facts(layer, lambda digest, below: self._secrets.digest_at(layer, digest, below))
        await self._drain(f"facts, key {old} to {new}", facts, digests)
        await self._store.retire(layer - 1)

    async def _drain(self, what: str, total: int, batches: AsyncIterator[int]) -> None:
        self._progress.begin(what, total)
        async for rows in batches:
            self._progress.advance(rows)
