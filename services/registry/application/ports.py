"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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

    `type` is its short name; `holders` are those that what stands in its place names now, none where it is void.
    """

    digest: bytes
    type: str
    effective_at: datetime
    holders: tuple[str, ...] = ()


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

    `identities` maps a keyed hash to its holder; `new` are the participants not stored before, `gone` those that are
    part of another now; `moved` maps a holder to the person it belongs to from now on; `new_slots` had nothing.
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
    identities: Mapping[bytes, str] = field(default_factory=dict)


class Transaction(Protocol):
    """One transaction's view of participants and ledger; what it writes stands together or not at all."""

    async def slots(self, keys: Collection[FactKey]) -> dict[FactKey, Slot]:
        """Return what is kept under each of these keys; nothing for a key not met before."""
        ...

    async def holders(self, identities: Collection[bytes]) -> dict[bytes, str]:
        """Return the holder of each keyed identity that is known."""
        ...

    async def participants(self, holders: Collection[str]) -> list[Participant]:
        """Return the persons that these holders belong to."""
        ...

    async def write(self, group: GroupWrite) -> None:
        """Write all of it; ledger entries become visible to the relay with the commit."""
        ...


class Store(Protocol):
    """Participants and ledger."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return what `work` returns once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the store is out of reach or too contended.
        """
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
