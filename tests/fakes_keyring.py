"""The key store in memory, over the same state as the memory store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from services.registry.identity.ports import Keyed, Layers
from shared.runtime.errors import PermanentError
from tests.fakes_registry import MemoryStore

ROWS_A_BATCH = 2


class MemoryKeyring:
    """`members` are the replicas present, with the keys each has; no transaction is ever open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._keys: list[str] = []
        self.members: dict[str, list[str]] = {}

    async def open(self, key_ids: Sequence[str]) -> Layers:
        self._keys = self._keys or list(key_ids[:1])
        if list(key_ids[: len(self._keys)]) != self._keys:
            raise PermanentError("these are not the keys that the store was written with")
        return self._store.state.layers

    async def members_without(self, key_id: str, now: datetime) -> list[str]:
        return sorted(member for member, keys in self.members.items() if key_id not in keys)

    async def begin(self, key_id: str, layer: int) -> None:
        if len(self._keys) == layer - 1:
            self._keys.append(key_id)
            self._store.state.layers = replace(self._store.state.layers, newest=layer)

    async def retire(self, layer: int) -> None:
        if self._store.state.layers.oldest == layer:
            self._store.state.layers = replace(self._store.state.layers, oldest=layer + 1)

    async def await_open_transactions(self) -> None:
        """See the port."""

    async def sizes(self) -> tuple[int, int]:
        return len(self._store.state.identities), len(self._store.state.slots)

    async def move_identities(self, old: str, new: str, raised: Callable[[bytes], bytes]) -> AsyncIterator[int]:
        identities = self._store.state.identities
        while batch := [row for _, row in sorted(identities.items()) if row.key_id == old][:ROWS_A_BATCH]:
            for row in batch:
                del identities[row.hashed]
                identities.setdefault(raised(row.hashed), Keyed(raised(row.hashed), row.holder, new))
            yield len(batch)
            identities = self._store.state.identities

    async def move_facts(self, layer: int, raised: Callable[[bytes, int], bytes]) -> AsyncIterator[int]:
        slots = self._store.state.slots
        while batch := [key for key, slot in sorted(slots.items()) if slot.fact and slot.fact.layer < layer]:
            for key in batch[:ROWS_A_BATCH]:
                known = slots[key].fact
                assert known is not None
                risen = replace(known, digest=raised(known.digest, known.layer), layer=layer)
                slots[key] = replace(slots[key], fact=risen)
            yield len(batch[:ROWS_A_BATCH])

    async def drop(self, key_ids: Sequence[str]) -> None:
        state = self._store.state
        state.identities = {hashed: row for hashed, row in state.identities.items() if row.key_id not in key_ids}
