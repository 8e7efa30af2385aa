"""Builds a new generation of all counters beside the live one, from the topic's start, and has it take its place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.position import Position, following
from services.coverage.counting.ports import Flush, Store
from services.coverage.proof.ports import Generations, Part, Progress, Tail, WholeTopic
from shared.regions.codes import NATION, local
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError
from shared.runtime.lease import LeaseStore

JOB: Final = "rebuild"
LEASE_FOR: Final = timedelta(seconds=30)
"""Twice as long as a transaction may take. The lease saves work; two at once would fence each other."""
CHANGES_A_FLUSH: Final = 60_000
"""Over all partitions, as a replay has it (ADR 0018)."""
CLOSE: Final = 5_000
"""So few changes are read and written while the live generation stands still: in a fraction of a second."""


class Growing:
    """One partition of the generation that is being built."""

    def __init__(self, partition: int, position: Position) -> None:
        self.after = position
        self._partition = partition
        self._before = position
        self._sum = Sum()
        self._left: Part | None = None

    def take(self, part: Part, until: int) -> int:
        """Take in the changes numbered below `until` that go on from here; what is beyond them waits.

        The offset stays at the part's beginning until all of it is taken: who resumes there passes over the rest.
        Raises: PermanentError where the topic's beginning is gone.
        """
        if self.after.next_seq == 0 and part.changes and part.changes[0].seq > 0:
            raise PermanentError(
                f"partition {self._partition} of the topic begins with seq {part.changes[0].seq}: its beginning was "
                "deleted; publish the ledger on a new topic (docs/runbooks/lost-topic.md)"
            )
        fresh = following(self.after.next_seq, part.changes)
        taken = fresh[: max(0, until - self.after.next_seq)]
        whole = len(taken) == len(fresh)
        offset = part.next_offset if whole else part.first_offset
        self._left = None if whole else part
        self._sum.add(taken)
        self.after = Position(self.after.next_seq + len(taken), max(self.after.next_offset, offset))
        return len(taken)

    def take_left(self, until: int) -> int:
        """Take in more of what waits."""
        return self.take(self._left, until) if self._left else 0

    def lacks(self, until: int) -> bool:
        """Say whether more must be read to come to this number."""
        return self._left is None and self.after.next_seq < until

    @property
    def changes(self) -> int:
        """Changes that were taken and not sealed."""
        return self._sum.changes

    def seal(self, clock: Clock) -> Flush | None:
        """Return what was taken as a flush; None where that is nothing."""
        before, added = self._before, self._sum
        if self.after == before:
            return None
        self._before, self._sum = self.after, Sum()
        day = local(NATION, clock.now()).date()
        return Flush(self._partition, before, self.after, added, behind=True, flows_from=first_day(day))


class Rebuild:
    """One rebuild at a time; broken off, the next one goes on with what was written."""

    def __init__(
        self, live: Store, generations: Generations, topic: WholeTopic, leases: LeaseStore, holder: str, clock: Clock,
        progress: Progress,
    ) -> None:  # fmt: skip
        self._live = live
        self._generations = generations
        self._topic = topic
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._progress = progress
        self._parts: dict[int, Growing] = {}
        self._flight: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Return the number of the generation that is live now, in three steps: (1) flushes of the new generation, each
        with its checkpoint, (2) the live one held while the last changes are written, (3) one transaction flips.

        A crash before 3 leaves the live generation as it is, held for seconds at most; what was written is gone on
        with. Raises: PermanentError where another rebuild is under way, or the topic lacks what was counted.
        """
        await self._renew()
        try:
            builds = await self._generations.builds()
            generation = builds.building or max(builds.live, *builds.old, 0) + 1
            self._building = await self._generations.store(generation)
            checkpoints = await self._building.checkpoints()
            self._parts = {at: Growing(at, checkpoint.position) for at, checkpoint in checkpoints.items()}
            await self._begin()
            offsets = {at: part.after.next_offset for at, part in self._parts.items()}
            async with self._topic.opened(offsets) as tail:
                while not await self._take_over(generation, tail):
                    continue
            return generation
        finally:
            if self._flight:
                self._flight.cancel()
                await asyncio.gather(self._flight, return_exceptions=True)
            await self._release()

    async def discard(self) -> int | None:
        """Throw away what an earlier rebuild has built; return its number, or None where there is nothing.

        Raises: PermanentError where another rebuild is under way.
        """
        await self._renew()
        try:
            return await self._generations.discard()
        finally:
            await self._release()

    async def _begin(self) -> None:
        live = await self._counted()
        missing = sum(next_seq - self._parts[at].after.next_seq for at, next_seq in live.items())
        self._progress.begin("changes", missing)

    async def _counted(self) -> dict[int, int]:
        """Return the next number of each partition of the live generation."""
        return {at: checkpoint.position.next_seq for at, checkpoint in (await self._live.checkpoints()).items()}

    async def _take_over(self, generation: int, tail: Tail) -> bool:
        """Come close to the live generation; hold it, come level, and flip. Say whether that was done."""
        await self._come_to(await self._counted(), tail)
        live = await self._counted()
        if sum(next_seq - self._parts[at].after.next_seq for at, next_seq in live.items()) > CLOSE:
            return False
        held = await self._generations.hold()
        await self._come_to(held, tail)
        try:
            await self._generations.flip(generation, held)
        except FencedError:
            # It took longer than the live generation stands still, and that is being counted on again.
            return False
        return True

    async def _come_to(self, until: Mapping[int, int], tail: Tail) -> None:
        """Read and write all changes numbered below these."""
        for at, part in self._parts.items():
            self._progress.advance(part.take_left(until[at]))
        while lacking := [at for at, part in self._parts.items() if part.lacks(until[at])]:
            read = await tail.read(lacking)
            if not read:
                at = lacking[0]
                raise PermanentError(
                    f"partition {at} of the topic has no seq {self._parts[at].after.next_seq}, which was counted: "
                    "find out whether the topic was made anew (docs/runbooks/lost-topic.md)"
                )
            for at, some in read.items():
                self._progress.advance(self._parts[at].take(some, until[at]))
            if sum(part.changes for part in self._parts.values()) >= CHANGES_A_FLUSH:
                await self._write()
        await self._write()
        await self._land()

    async def _write(self) -> None:
        """Start to write what was taken, once what is being written has landed: reading goes on meanwhile."""
        await self._land()
        await self._renew()
        flushes = [flush for part in self._parts.values() if (flush := part.seal(self._clock))]
        if flushes:
            self._flight = asyncio.create_task(self._building.apply(flushes))

    async def _land(self) -> None:
        if self._flight:
            await self._flight
        self._flight = None

    async def _renew(self) -> None:
        self._lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
        if self._lease is None:
            raise PermanentError(
                "another rebuild is under way; if it was killed, try again in "
                f"{LEASE_FOR.total_seconds():.0f} s, and it is gone on with"
            )

    async def _release(self) -> None:
        if self._lease is not None:
            await self._leases.release(self._lease, self._holder)
