"""What the relay needs: the ledger's numbers, and a topic. Both have fakes that crash (`tests/fakes_registry.py`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.runtime.lease import Lease, LeaseStore


@dataclass(frozen=True, slots=True)
class Batch:
    """Ledger entries that have their numbers: `changes[i]` is JSON without its seq, which is `first_seq + i`."""

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
    """How many changes of the ledger are not on the topic yet, and when the oldest of them was recorded."""

    changes: int
    oldest_recorded_at: datetime | None


class Outbox(LeaseStore, Protocol):
    """The ledger as the relay sees it."""

    async def number(self, leases: Mapping[int, Lease], limit: int) -> list[Batch]:
        """Give waiting changes of these partitions their next numbers, durably, and return them.

        At most `limit` changes a partition. Raises: FencedError when a lease is no longer the newest.
        """
        ...

    async def given(self) -> dict[int, int]:
        """Return the next number of each partition: all below it were given to changes."""
        ...

    async def unpublished(self, partition: int) -> list[Batch]:
        """Return, in order, the numbered batches that are not marked as published."""
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

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        """Return the number that would follow the last record of each partition. Raises: TransientError."""
        ...
