"""What checking and replaying the ledger need from outside."""

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
    """Which entries got the numbers from `first_seq` on; `entries` are those of `names` that the ledger has."""

    partition: int
    first_seq: int
    count: int
    names: Sequence[str]
    entries: Sequence[LedgerEntry]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry said to wait for its numbers; `entry` is None where the ledger has none of this name."""

    name: str
    partition: int
    count: int
    entry: LedgerEntry | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a partition's lease says: the next number to give, and up to which one all is published."""

    next_seq: int
    published: int


class Numbered(Protocol):
    """The ledger in the order of its numbers."""

    async def numbers(self) -> dict[int, Numbers]:
        """Return where each partition stands. Raises: PermanentError where no registry has ever run."""
        ...

    def manifests(self, partition: int, from_seq: int = 0) -> AsyncIterator[Manifest]:
        """Yield the partition's manifests in order, from the one that holds this number on."""
        ...


class Moment(Numbered, Protocol):
    """All that the registry keeps, as it was at one moment."""

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the entries that have no numbers yet."""
        ...

    def ledger(self) -> AsyncIterator[str]:
        """Yield the name of every entry in the ledger."""
        ...

    def participants(self) -> AsyncIterator[Participant]:
        """Yield every person."""
        ...

    def placed(self) -> AsyncIterator[tuple[FactKey, tuple[str, ...]]]:
        """Yield every fact in whose place something stands, with the holders that this names."""
        ...

    def moved(self) -> AsyncIterator[tuple[str, str]]:
        """Yield each holder that is not its own person, with the person it belongs to."""
        ...


class Audit(Protocol):
    """Ways to read all of it."""

    def moment(self) -> AbstractAsyncContextManager[Moment]:
        """Give one moment: whatever is read inside is as it was when it began, while the registry goes on."""
        ...

    def numbered(self) -> Numbered:
        """Return the ledger as it is, with what is added while it is read."""
        ...

    async def relays(self, now: datetime) -> frozenset[str]:
        """Return the replicas that are there and publish."""
        ...


@dataclass(frozen=True, slots=True)
class Last:
    """The last record of a topic's partition: its number, and its change as JSON without it."""

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
