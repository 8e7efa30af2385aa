"""What the audit reads. Each has a fake in which tests plant differences and crashes (`tests/fakes_audit.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.registry.domain.facts import FactKey
from services.registry.domain.participant import Participant
from services.registry.relay.ports import ChangeTopic


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What one commit wrote for one partition; change i is of person i, in the regency keys[i]."""

    id: str
    partition: int
    persons: Sequence[str]
    keys: Sequence[str]
    changes: Sequence[str]
    traceparent: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The entries that got the numbers from `first_seq` on. `names` are all of them, `entries` those in the ledger."""

    partition: int
    first_seq: int
    count: int
    names: Sequence[str]
    entries: Sequence[LedgerEntry]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry of the outbox, which waits for its numbers. `entry` is None where the ledger does not have it."""

    name: str
    partition: int
    count: int
    entry: LedgerEntry | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """The state in a partition's lease: the next number to give, and the number below which all are published."""

    next_seq: int
    published: int


class Numbered(Protocol):
    """The ledger in the order of its numbers."""

    async def numbers(self) -> dict[int, Numbers]:
        """Return the numbers of each partition. Raises: PermanentError where no registry has ever run."""
        ...

    def manifests(self, partition: int, from_seq: int = 0) -> AsyncIterator[Manifest]:
        """Yield the partition's manifests in order, beginning with the one that has this number."""
        ...


class Snapshot(Numbered, Protocol):
    """Everything that the registry keeps, as it was at one point in time."""

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the entries that have no numbers yet."""
        ...

    def ledger(self) -> AsyncIterator[str]:
        """Yield the name of every entry in the ledger."""
        ...

    def participants(self) -> AsyncIterator[Participant]:
        """Yield every person."""
        ...

    def facts_that_count(self) -> AsyncIterator[tuple[FactKey, tuple[str, ...]]]:
        """Yield the key of every fact that is not void, with the holders that its current content names."""
        ...

    def moved(self) -> AsyncIterator[tuple[str, str]]:
        """Yield each holder that belongs to a person of another id, with that id."""
        ...


class Audit(Protocol):
    """Reads everything that the registry keeps."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Open a snapshot: all reads inside see the state of its beginning, while the registry goes on."""
        ...

    def numbered(self) -> Numbered:
        """Return the ledger. Entries that are added while it is read may be in it."""
        ...

    async def relays(self, now: datetime) -> frozenset[str]:
        """Return the replicas that are running; they publish."""
        ...


@dataclass(frozen=True, slots=True)
class Last:
    """The last record of a partition: its number, and its change as JSON without the number."""

    seq: int
    change: str


class ReplayTopic(ChangeTopic, Protocol):
    """A topic to publish the ledger on anew."""

    async def last(self) -> dict[int, Last | None]:
        """Return each partition's last record; None where it has none.

        Raises: PermanentError when there is no such topic, it has other than the agreed number of partitions, or
        holds something that is no change. TransientError when Kafka does not answer.
        """
        ...
