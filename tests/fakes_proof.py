"""Hand-written stand-ins for what proving and rebuilding need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from services.coverage.counting.change_log import LogPart
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.proof.ports import Proof
from shared.runtime.lease import Lease


class MemoryLog:
    """A log of changes in memory, read by twos; the offset is the place in the list. A read finds what came late."""

    def __init__(self, changes: Mapping[int, Sequence[CountedChange]], name: str = "the topic") -> None:
        self.name = name
        self.there = {partition: list(some) for partition, some in changes.items()}
        self.opened_at: Mapping[int, int] = {}

    @asynccontextmanager
    async def opened(self, offsets: Mapping[int, int]) -> AsyncIterator[MemoryTail]:
        """See the port."""
        ends = {at: len(self.there.get(at, ())) for at in offsets}
        self.opened_at = {at: offset if offset <= ends[at] else 0 for at, offset in offsets.items()}
        yield MemoryTail(self, self.opened_at)


class MemoryTail:
    """What follows in a log in memory."""

    def __init__(self, log: MemoryLog, starts: Mapping[int, int]) -> None:
        self.starts = starts
        self._log = log
        self._read_to = dict(starts)

    async def read(self, partitions: Collection[int]) -> dict[int, LogPart]:
        """See the port."""
        parts = {}
        for at in partitions:
            first = self._read_to[at]
            if some := self._log.there.get(at, [])[first : first + 2]:
                self._read_to[at] = first + len(some)
                parts[at] = LogPart(some, range(first, first + len(some)), first + len(some))
        return parts


class MemoryLeases:
    """One lease, as the real ones: free, expired, or the holder's own."""

    def __init__(self) -> None:
        self.holder: str | None = None
        self._token = 0
        self._until = datetime.min.replace(tzinfo=UTC)

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        """See the port."""
        if self.holder not in (None, holder) and now < self._until:
            return None
        self._token += self.holder != holder
        self.holder, self._until = holder, now + ttl
        return Lease(job, self._token, self._until)

    async def release(self, lease: Lease, holder: str) -> None:
        """See the port."""
        if self.holder == holder and lease.token == self._token:
            self.holder = None

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        """See the port; nobody shares this job."""
        return frozenset({holder})

    async def withdraw(self, holder: str) -> None:
        """See the port."""


class MemoryProofs:
    """Keeps how far the proof is."""

    def __init__(self, proof: Proof | None = None) -> None:
        self.proof = proof or Proof()

    async def read(self) -> Proof:
        """See the port."""
        return self.proof

    async def write(self, proof: Proof) -> None:
        """See the port."""
        self.proof = proof
