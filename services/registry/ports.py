"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from services.registry.domain.facts import Correction
from services.registry.domain.ledger import Entry
from services.registry.domain.participant import Participant
from shared.runtime.lease import Lease, LeaseStore

T = TypeVar("T")
FactKey = tuple[str, str]
"""(source, id)."""


@dataclass(frozen=True, slots=True)
class KnownFact:
    """What is kept of an accepted fact: to recognise it, and to find what stands in its place.

    `type` is its short name; `holders` are those that what stands in its place names now, none where it is void;
    `layer` is that of the keys which the digest is at.
    """

    digest: bytes
    type: str
    effective_at: datetime
    holders: tuple[str, ...] = ()
    layer: int = 1

    def naming(self, holders: tuple[str, ...]) -> KnownFact:
        """Return it for a fact in whose place stands what names these holders."""
        return KnownFact(self.digest, self.type, self.effective_at, holders, self.layer)


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers of hashes in use, numbered from 1: identities are looked up and introduced at all of them."""

    oldest: int = 1
    newest: int = 1


@dataclass(frozen=True, slots=True)
class Keyed:
    """An identity's hash at one layer, whose holder it is, and the key that made the layer."""

    hashed: bytes
    holder: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Holders:
    """Holders by hash, and the layers in use, as one snapshot has both."""

    by_hash: Mapping[bytes, str]
    layers: Layers


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who is erased, at whose word; it holds no identity."""

    person: str
    holders: Collection[str]
    by: str
    at: datetime
    forced: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """What is kept under one (source, id): the fact, None before it has arrived, and the corrections of it.

    A fact and its correction meet in one document, so that two replicas cannot each miss what the other takes.
    """

    fact: KnownFact | None = None
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupWrite:
    """Everything one group commit writes.

    `identities` are those introduced, at every layer in use; `new` are the participants not stored before, `gone`
    those that are part of another now; `moved` maps a holder to the person it belongs to from now on; `new_slots` had
    nothing.
    """

    participants: Sequence[Participant]
    new: Collection[str]
    gone: Collection[str]
    moved: Mapping[str, str]
    entries: Sequence[Entry]
    recorded_at: datetime
    traceparent: str
    slots: Mapping[FactKey, Slot] = field(default_factory=dict)
    new_slots: Collection[FactKey] = ()
    identities: Sequence[Keyed] = ()


class Transaction(Protocol):
    """One transaction's view of participants and ledger; what it writes stands together or not at all."""

    async def slots(self, keys: Collection[FactKey]) -> dict[FactKey, Slot]:
        """Return what is kept under each of these keys; nothing for a key not met before."""
        ...

    async def holders(self, hashes: Collection[bytes]) -> Holders:
        """Return the holders of those hashes that are known, and the layers in use."""
        ...

    async def participants(self, holders: Collection[str]) -> list[Participant]:
        """Return the persons that these holders belong to."""
        ...

    async def write(self, group: GroupWrite) -> None:
        """Write all of it; ledger entries become visible to the relay with the commit."""
        ...

    async def erase(self, erasure: Erasure) -> int:
        """Forget every identity of these holders, record that, and return how many there were.

        Conflicts with whatever else changes the person at the same time: one of the two comes after the other.
        """
        ...


class Store(Protocol):
    """Participants and ledger."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return what `work` returns once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the store is out of reach or too contended.
        """
        ...


class KeyStore(Protocol):
    """Which layers of hashes are in use, and their re-keying."""

    async def open(self, key_ids: Sequence[str]) -> Layers:
        """Return the layers in use; a store that is new begins with the first of these keys.

        Raises: PermanentError when these are not the keys that the store was written with.
        """
        ...

    async def members_without(self, key_id: str, now: datetime) -> list[str]:
        """Return the replicas present that do not have this key."""
        ...

    async def begin(self, key_id: str, layer: int) -> None:
        """Have this key's layer be in use from now on, above those in use; does nothing where it is already."""
        ...

    async def retire(self, layer: int) -> None:
        """Have this layer, the oldest, be out of use; does nothing where it is already."""
        ...

    async def settle(self) -> None:
        """Return once every transaction that began before this call has ended: all others see what is in use now."""
        ...

    async def sizes(self) -> tuple[int, int]:
        """Return about how many identities and facts there are."""
        ...

    def move_identities(self, old: str, new: str, raised: Callable[[bytes], bytes]) -> AsyncIterator[int]:
        """Move every row of the old key to the new, its hash raised; yield the size of each batch that is durable."""
        ...

    def move_facts(self, layer: int, raised: Callable[[bytes, int], bytes]) -> AsyncIterator[int]:
        """Raise every digest that is below this layer, from the layer it is at; yield as above."""
        ...

    async def drop(self, key_ids: Sequence[str]) -> None:
        """Drop the rows of these keys, which are out of use."""
        ...


class DueStore(Store, Protocol):
    """Participants whom the clock alone will change."""

    async def due(self, by: datetime, limit: int) -> list[str]:
        """Return up to `limit` persons due at or before the instant, those due longest first."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Ledger entries that have their numbers: `changes[i]` is JSON without its seq, whose seq is `first_seq + i`."""

    partition: int
    first_seq: int
    changes: Sequence[str]
    keys: Sequence[str]
    traceparents: Sequence[str]


def numbered(seq: int, change: str) -> str:
    """Return a change with its number, as it is on the topic."""
    return f'{{"seq":{seq},{change}'


@dataclass(frozen=True, slots=True)
class Backlog:
    """Changes in the ledger that are not on the topic yet, and since when the oldest waits."""

    changes: int
    oldest_recorded_at: datetime | None


class Outbox(LeaseStore, Protocol):
    """The ledger as the relay sees it."""

    async def number(self, leases: Mapping[int, Lease], limit: int) -> list[Batch]:
        """Give waiting changes of these partitions their next numbers, durably, and return them.

        At most `limit` changes a partition. Raises: FencedError when a lease is no longer the newest.
        """
        ...

    async def unpublished(self, partition: int) -> list[Batch]:
        """Return, in order, the numbered batches that were not marked published."""
        ...

    async def mark_published(self, leases: Mapping[int, Lease], batches: Sequence[Batch]) -> None:
        """Record that these batches are on the topic. Raises: FencedError as above."""
        ...

    async def backlog(self) -> Backlog:
        """Return what waits, in all partitions."""
        ...


class ChangeTopic(Protocol):
    """Where changes are published."""

    async def publish(self, batches: Sequence[Batch]) -> None:
        """Return once every change is acknowledged, in order within each partition. Raises: TransientError."""
        ...
