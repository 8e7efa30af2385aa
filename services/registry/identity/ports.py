"""What this room needs of the store: who has which identity, under which keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from services.registry.domain.participant import Participant

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of hashes in use, numbered from 1. Identities are looked up and introduced at all of them."""

    oldest: int = 1
    newest: int = 1


@dataclass(frozen=True, slots=True)
class Keyed:
    """The hash of an identity at one layer, its holder, and the key that made the layer."""

    hashed: bytes
    holder: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Holders:
    """Holders by hash, and the layers in use, both read in one transaction."""

    by_hash: Mapping[bytes, str]
    layers: Layers


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who is erased, and who asked for it. It holds no identity."""

    person: str
    holders: Collection[str]
    by: str
    at: datetime
    forced: bool


class IdentityTransaction(Protocol):
    """One transaction's view of identities and persons; its writes are kept together or not at all."""

    async def holders(self, hashes: Collection[bytes]) -> Holders:
        """Return the holders of the hashes that are known, and the layers in use."""
        ...

    async def participants(self, holders: Collection[str]) -> list[Participant]:
        """Return the persons that these holders belong to."""
        ...

    async def erase(self, erasure: Erasure) -> int:
        """Delete every identity of these holders, record the erasure, and return how many identities there were.

        Conflicts with any other change of the person at the same time: one of the two comes after the other.
        """
        ...


class IdentityStore(Protocol):
    """Runs transactions on identities and persons."""

    async def transact(self, work: Callable[[IdentityTransaction], Awaitable[T]]) -> T:
        """Return what `work` returns once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the store does not answer or others keep changing the same documents.
        """
        ...


class KeyStore(Protocol):
    """Which layers of hashes are in use, and their re-keying."""

    async def open(self, key_ids: Sequence[str]) -> Layers:
        """Return the layers in use; a store that is new begins with the first of these keys.

        Raises: PermanentError when the store was written with other keys.
        """
        ...

    async def members_without(self, key_id: str, now: datetime) -> list[str]:
        """Return the running replicas that do not have this key."""
        ...

    async def begin(self, key_id: str, layer: int) -> None:
        """Put this key's layer into use, above those in use. Does nothing where it is in use already."""
        ...

    async def retire(self, layer: int) -> None:
        """Put this layer, the oldest, out of use. Does nothing where it is out of use already."""
        ...

    async def await_open_transactions(self) -> None:
        """Return once every transaction that began before this call has ended; later ones see the layers in use now."""
        ...

    async def sizes(self) -> tuple[int, int]:
        """Return about how many identities and facts there are."""
        ...

    def move_identities(self, old: str, new: str, raised: Callable[[bytes], bytes]) -> AsyncIterator[int]:
        """Move every row from the old key to the new, raising its hash. Yield the size of each durable batch."""
        ...

    def move_facts(self, layer: int, raised: Callable[[bytes, int], bytes]) -> AsyncIterator[int]:
        """Raise every digest below this layer, from the layer it is at. Yield the size of each durable batch."""
        ...

    async def drop(self, key_ids: Sequence[str]) -> None:
        """Delete the rows of these keys, which are out of use."""
        ...
