"""Publishes what takes effect by time alone, in batches: lapses and facts of the future."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.registry.domain.people import regroup
from services.registry.intake.deciding import decided
from services.registry.intake.ports import Store, Transaction
from services.registry.relay.metrics import SweepMetrics
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.lease import Lease, LeaseStore
from shared.runtime.tasks import repeat

JOB: Final = "sweep"
LEASE_FOR: Final = timedelta(seconds=15)
"""Longer than a batch takes. The lease only saves work: two sweepers at once would still count everyone once."""
POLL_EVERY: Final = timedelta(seconds=1)
PEOPLE_A_POLL: Final = 10_000
"""Found by one query, which then serves several batches. It passes all who were due in the last five minutes, since
MongoDB keeps for its snapshots what has left the index."""
PEOPLE_A_BATCH: Final = 500
"""A transaction alone costs as much as some fifty people. A larger one would meet facts of its people more often."""
BATCHES_IN_FLIGHT: Final = 3
"""While MongoDB writes two, we decide the next."""


class DueStore(Store, Protocol):
    """Participants whom the clock alone will change."""

    async def due(self, by: datetime, limit: int) -> list[str]:
        """Return up to `limit` persons due at or before the instant, those due longest first."""
        ...


class Sweeper:
    """Publishes what time alone changes. Only the replica that holds the lease sweeps."""

    def __init__(
        self,
        store: DueStore,
        leases: LeaseStore,
        holder: str,
        secret: bytes,
        clock: Clock,
        metrics: SweepMetrics,
        on_commit: Callable[[], None],
    ) -> None:
        self._store = store
        self._leases = leases
        self._holder = holder
        self._secret = secret
        self._clock = clock
        self._metrics = metrics
        self._on_commit = on_commit
        self._lease: Lease | None = None

    async def run(self) -> None:
        """Sweep until cancelled. After an error the same people are still due."""
        await repeat(self._sweep_all, POLL_EVERY, "the sweep")

    async def _sweep_all(self) -> None:
        while await self.sweep():
            continue

    async def sweep(self) -> bool:
        """Publish what took effect for the persons due longest; return whether there may be more.

        The changes are effective at their own instants, however late this runs.
        """
        now = self._clock.now()
        self._lease = await self._leases.acquire(JOB, self._holder, now, LEASE_FOR)
        if self._lease is None:
            return False
        due = await self._store.due(now, PEOPLE_A_POLL)
        free_batches = asyncio.Semaphore(BATCHES_IN_FLIGHT)
        batches = [due[at : at + PEOPLE_A_BATCH] for at in range(0, len(due), PEOPLE_A_BATCH)]
        ends = await asyncio.gather(*(self._publish(batch, free_batches) for batch in batches), return_exceptions=True)
        for error in filter(None, ends):
            raise error
        return len(due) == PEOPLE_A_POLL

    async def _publish(self, people: list[str], free_batches: asyncio.Semaphore) -> None:
        async with free_batches:
            with tracing.span("sweep") as traceparent:
                oldest = await self._store.transact(lambda transaction: self._advance(transaction, people, traceparent))
            self._metrics.swept(len(people), oldest)
            self._on_commit()

    async def _advance(self, transaction: Transaction, due: list[str], traceparent: str) -> datetime:
        """Decide these persons anew at the present instant, and return the earliest instant at which one was due.

        A person who got a fact just now has no change left.
        """
        now = self._clock.now()
        people = await transaction.participants(due)
        oldest = min((person.due_at for person in people if person.due_at), default=now)
        # Many persons take a while.
        write = await asyncio.to_thread(
            decided, regroup(people, (), ()), now=now, secret=self._secret, traceparent=traceparent
        )
        await transaction.write(write)
        return oldest
