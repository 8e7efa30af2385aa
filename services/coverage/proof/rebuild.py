"""Counts the whole topic into a new generation of counters beside the live one, then makes the new one live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from services.coverage.counting.change_log import BeginningMissing, ChangeLog, LogIncomplete, LogWalk
from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.position import Position
from services.coverage.counting.ports import Flush, Store
from services.coverage.proof.mongo.generations import MongoGenerations
from shared.adapters.progress_bar import ProgressBar
from shared.regions.codes import NATION, local
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError
from shared.runtime.lease import LeaseStore

JOB: Final = "rebuild"
LEASE_FOR: Final = timedelta(seconds=30)
"""Twice as long as a transaction may take. The lease only saves work: two rebuilds at once would fence each other."""
CHANGES_A_FLUSH: Final = 60_000
"""Over all partitions, as when a reader is behind (ADR 0018)."""
CLOSE: Final = 5_000
"""Changes left to count while the live generation stands still: they take a fraction of a second."""


class Rebuild:
    """One rebuild at a time; after a crash the next one goes on with what was written."""

    def __init__(
        self, live: Store, generations: MongoGenerations, topic: ChangeLog, leases: LeaseStore, holder: str,
        clock: Clock, progress: ProgressBar,
    ) -> None:  # fmt: skip
        self._live = live
        self._generations = generations
        self._topic = topic
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._progress = progress
        self._sums: dict[int, Sum] = {}
        self._written: dict[int, Position] = {}
        self._in_flight: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Return the number of the generation that is live now, in three steps: (1) flushes of the new generation, each
        with its checkpoint, (2) the live one held while the last changes are written, (3) one transaction flips.

        A crash before 3 leaves the live generation as it is, held for seconds at most; the next rebuild goes on with
        what was written. Raises: PermanentError where another rebuild is under way, or the topic lacks changes.
        """
        async with self._leased():
            builds = await self._generations.builds()
            generation = builds.building or max(builds.live, *builds.old, 0) + 1
            self._building = await self._generations.store(generation)
            self._written = {at: checkpoint.position for at, checkpoint in (await self._building.checkpoints()).items()}
            self._sums = {at: Sum() for at in self._written}
            self._progress.begin("changes", self._missing(await self._counted(), self._written))
            async with self._topic.opened({at: position.next_offset for at, position in self._written.items()}) as tail:
                walk = LogWalk(self._topic.name, tail, self._written)
                while not await self._take_over(generation, walk):
                    continue
            return generation

    async def discard(self) -> int | None:
        """Delete the generation that an earlier rebuild left; return its number, or None where there is none.

        Raises: PermanentError where another rebuild is under way.
        """
        async with self._leased():
            return await self._generations.discard()

    @asynccontextmanager
    async def _leased(self) -> AsyncIterator[None]:
        """Hold the lease during the block. After it no write is in flight, and the lease is free."""
        await self._renew()
        try:
            yield
        except LogIncomplete as missing:
            beginning = isinstance(missing, BeginningMissing)
            advice = "publish the ledger on a new topic" if beginning else "find out whether the topic was made anew"
            raise PermanentError(f"{missing}; {advice} (docs/runbooks/lost-topic.md)") from missing
        finally:
            if self._in_flight:
                self._in_flight.cancel()
                await asyncio.gather(self._in_flight, return_exceptions=True)
            if self._lease is not None:
                await self._leases.release(self._lease, self._holder)

    async def _counted(self) -> dict[int, int]:
        """Return the next number of each partition of the live generation."""
        return {at: checkpoint.position.next_seq for at, checkpoint in (await self._live.checkpoints()).items()}

    def _missing(self, live: Mapping[int, int], positions: Mapping[int, Position]) -> int:
        return sum(next_seq - positions[at].next_seq for at, next_seq in live.items())

    async def _take_over(self, generation: int, walk: LogWalk) -> bool:
        """Count close to the live generation, hold it, count the rest, and flip. Say whether the flip was made."""
        await self._count_to(await self._counted(), walk)
        if self._missing(await self._counted(), walk.positions) > CLOSE:
            return False
        held = await self._generations.hold()
        await self._count_to(held, walk)
        try:
            await self._generations.flip(generation, held)
        except FencedError:
            # It took longer than the live generation stands still, and that is being counted on again.
            return False
        return True

    async def _count_to(self, until: Mapping[int, int], walk: LogWalk) -> None:
        """Read and write all changes numbered below these."""
        while read := await walk.read(until):
            for at, changes in read.items():
                self._sums[at].add(changes)
                self._progress.advance(len(changes))
            if sum(waiting.changes for waiting in self._sums.values()) >= CHANGES_A_FLUSH:
                await self._write(walk)
        await self._write(walk)
        await self._drain()

    async def _write(self, walk: LogWalk) -> None:
        """Start to write what was read, once the write in flight has ended: reading goes on meanwhile."""
        await self._drain()
        await self._renew()
        flows_from = first_day(local(NATION, self._clock.now()).date())
        flushes = [
            Flush(at, before, after, self._sums[at], behind=True, flows_from=flows_from)
            for at, before in self._written.items()
            if (after := walk.positions[at]) != before
        ]
        for flush in flushes:
            self._written[flush.partition], self._sums[flush.partition] = flush.after, Sum()
        if flushes:
            self._in_flight = asyncio.create_task(self._building.apply(flushes))

    async def _drain(self) -> None:
        if self._in_flight:
            await self._in_flight
        self._in_flight = None

    async def _renew(self) -> None:
        self._lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
        if self._lease is None:
            raise PermanentError(
                "another rebuild is under way; if it was killed, try again in "
                f"{LEASE_FOR.total_seconds():.0f} s to go on with it"
            )
