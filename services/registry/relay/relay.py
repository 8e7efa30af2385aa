"""Publishes the ledger on the topic. A partition is leased, and its numbers are durable before they are published."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from datetime import datetime, timedelta
from itertools import chain
from time import perf_counter
from typing import Any, Final, TypeVar

from opentelemetry.trace import SpanKind

from services.registry.relay.metrics import RelayMetrics
from services.registry.relay.ports import Batch, ChangeTopic, Outbox
from shared.contracts.topics import PARTITIONS
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.lease import Lease, balance
from shared.runtime.logging import logger
from shared.runtime.tasks import woken

T = TypeVar("T")

_log = logger(__name__)

LEASE_FOR: Final = timedelta(seconds=5)
"""After so long the partitions of a killed or stalled relay are taken over."""
RENEW_EVERY: Final = timedelta(seconds=1)
"""Several tries fit into a lease."""
POLL_EVERY: Final = timedelta(milliseconds=100)
"""How soon we find commits of another replica to our partitions. Our own commits wake us at once."""
AFTER_TROUBLE: Final = timedelta(seconds=1)
CHANGES_A_ROUND: Final = 5000
"""A partition's share of one round: enough to drain a backlog fast, few enough to renew the leases in time."""


class Relay:
    """Publishes this replica's share of the partitions."""

    def __init__(self, outbox: Outbox, topic: ChangeTopic, holder: str, clock: Clock, metrics: RelayMetrics) -> None:
        self._outbox = outbox
        self._topic = topic
        self._holder = holder
        self._clock = clock
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._held: dict[str, Lease] = {}
        self._recovered: set[int] = set()
        self._renewed_at: datetime | None = None
        self._trouble: str | None = None

    def wake(self) -> None:
        """Make the relay poll at once; called after each commit."""
        self._wake.set()

    async def trouble(self) -> str | None:
        """Return why nothing is published; None when all is well. The intake goes on meanwhile."""
        return self._trouble

    async def run(self) -> None:
        """Publish until cancelled, then release the partitions for others."""
        try:
            while True:
                await self._round_or_wait()
                await woken(self._wake, POLL_EVERY)
        finally:
            await self._leave()

    async def _round_or_wait(self) -> None:
        try:
            await self.lead()
            while await self.round():
                await self.lead()
            self._trouble = None
        except FencedError as error:
            _log.warning("another relay took over", error=str(error))
            self._held.clear()
            self._recovered.clear()
            self._renewed_at = None
        except (TransientError, PermanentError) as error:
            if self._trouble is None:
                _log.warning("relay waits", error=str(error))
            self._trouble = str(error)
            # Changes that were numbered and not acknowledged are published again under the same numbers.
            self._recovered.clear()
            await asyncio.sleep(AFTER_TROUBLE.total_seconds())

    async def lead(self) -> None:
        """Renew this replica's leases and take its share of the partitions, every `RENEW_EVERY`."""
        now = self._clock.now()
        if self._renewed_at is not None and now - self._renewed_at < RENEW_EVERY:
            return
        jobs = [str(partition) for partition in range(PARTITIONS)]
        before, self._held = self._held, await balance(self._outbox, jobs, self._holder, self._held, now, LEASE_FOR)
        self._renewed_at = now
        # With another token, another relay may have led in between and left numbers that are not published.
        self._recovered &= {int(job) for job, lease in self._held.items() if _token(before.get(job)) == lease.token}
        self._metrics.leads(len(self._held))
        await self._measure()

    async def round(self) -> bool:
        """Publish once what waits in the leased partitions; return whether there was anything.

        1. Number the waiting changes, in one transaction with the lease's token. From here on they have these numbers,
           whichever relay publishes them. 2. Publish. 3. Mark as published.
        After a crash after 1 or 2 the next holder publishes the same records again; readers drop a `seq` they have.
        """
        started = perf_counter()
        leases = {int(job): lease for job, lease in self._held.items()}
        batches = await self._unfinished(leases) + await self._outbox.number(leases, CHANGES_A_ROUND)
        if not batches:
            return False
        with tracing.span("relay", chain.from_iterable(one.traceparents for one in batches), SpanKind.PRODUCER):
            await self._of_kafka(self._topic.publish(batches))
            await self._outbox.mark_published(leases, batches)
        self._metrics.published(sum(len(batch.changes) for batch in batches), perf_counter() - started)
        return True

    async def _of_kafka(self, asked: Coroutine[Any, Any, T]) -> T:
        """Return what Kafka answers, and measure the backlog meanwhile.

        If it takes long the leases expire, and another relay may try.
        """
        asking = asyncio.ensure_future(asked)
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=RENEW_EVERY.total_seconds())
                if not asking.done():
                    await self._measure()
        finally:
            asking.cancel()
            await asyncio.wait({asking})
        return asking.result()

    async def _measure(self) -> None:
        self._metrics.backlog(await self._outbox.backlog(), self._clock.now())

    async def _unfinished(self, leases: Mapping[int, Lease]) -> list[Batch]:
        """Return batches that a former holder, or we before an error, numbered and did not mark as published."""
        batches: list[Batch] = []
        if taken_up := leases.keys() - self._recovered:
            await self._compare(taken_up)
        for partition in taken_up:
            batches += await self._outbox.unpublished(partition)
        self._recovered |= leases.keys()
        return batches

    async def _compare(self, partitions: Collection[int]) -> None:
        """Return where the topic holds no number that the ledger has not given yet.

        It does after an older state of the database was put back. To number on from there would give numbers twice,
        and readers would drop what comes second. Raises: PermanentError.
        """
        # In this order: a relay that has just lost its lease may still publish what it numbered before.
        ends = await self._of_kafka(self._topic.ends(partitions))
        given = await self._outbox.given()
        for partition in sorted(partitions):
            if ends[partition] > given[partition]:
                raise PermanentError(
                    f"partition {partition}: the topic ends before seq {ends[partition]} and the ledger before "
                    f"{given[partition]}: the database is older than the topic; nothing is published until "
                    'docs/guides/disaster.md, "MongoDB lost", was followed'
                )

    async def _leave(self) -> None:
        try:
            for lease in self._held.values():
                await self._outbox.release(lease, self._holder)
            await self._outbox.withdraw(self._holder)
        except (TransientError, PermanentError) as error:
            _log.warning("leases not released; they expire by themselves", error=str(error))


def _token(lease: Lease | None) -> int | None:
    return lease.token if lease else None
