"""Imports: files of any size, taken row by row through the intake by whichever replica holds the job.

Progress is durable: where the next row begins, what became of those before it, which were rejected and why. After a
kill another replica goes on from there within seconds; rows that were under way then are sent again, and those that had
been stored count as `repeated`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from services.registry.application.import_chunks import Chunk, ChunkMetrics, Chunks, Facts, Sleep
from services.registry.application.import_pace import PaceMeter
from services.registry.application.import_ports import (
    Counts,
    Import,
    Imports,
    Progress,
    Raw,
    Row,
    Rows,
    State,
    Uploads,
)
from services.registry.application.uploading import Uploading
from services.registry.intake.parsing import Candidate
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.lease import Lease
from shared.runtime.logging import logger

_log = logger(__name__)

LEASE_FOR: Final = timedelta(seconds=5)
"""A killed replica's imports are taken over after this long."""
LOOK_EVERY: Final = timedelta(seconds=1)
"""Several renewals fit into a lease."""
TIDY_EVERY: Final = timedelta(seconds=30)
AFTER_TROUBLE: Final = timedelta(seconds=1)
AT_ONCE: Final = 4
"""Imports of one replica that share its way in, so that a small file need not wait for a large one."""
CHUNK_ROWS: Final = 900
"""A group commit has room for a hundred more: facts that somebody waits for travel in the same group."""
IN_FLIGHT: Final = 3
"""Chunks in the intake, of all imports together: two that are being written and the next; more would only queue."""
PARSED_AT_ONCE: Final = 50
"""Some three milliseconds; then others get their turn."""
KEPT_FOR: Final = timedelta(days=7)
"""How long an ended import, and what it rejected, can be asked for."""

Parse = Callable[[Import, Raw, datetime], Candidate]
"""Makes the candidate of a row; the import says how its rows want to be read."""


class ImportMetrics(ChunkMetrics, Protocol):
    """What is counted about imports."""

    def recorded(self, counts: Counts) -> None:
        """Count decided rows."""
        ...

    def ended(self, state: State) -> None:
        """Count one ended import."""
        ...

    def unfinished(self, by_state: Mapping[State, int]) -> None:
        """Show the imports that have not ended."""
        ...


class Importer:
    """One replica's part in the imports."""

    def __init__(
        self,
        imports: Imports,
        uploads: Uploads,
        uploading: Uploading,
        rows: Rows,
        parse: Parse,
        facts: Facts,
        holder: str,
        clock: Clock,
        metrics: ImportMetrics,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._imports = imports
        self._uploads = uploads
        self._uploading = uploading
        self._rows = rows
        self._parse = parse
        self._facts = facts
        self._holder = holder
        self._clock = clock
        self._metrics = metrics
        self._sleep = sleep
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._working: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._tidied_at: datetime | None = None

    def wake(self) -> None:
        """Have the importer look at once; called after each upload."""
        self._wake.set()

    async def run(self) -> None:
        """Import until cancelled, then free the jobs for others at once."""
        try:
            while True:
                await self._look_or_trouble()
                await self._woken()
        finally:
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _look_or_trouble(self) -> None:
        try:
            await self.look()
        except (TransientError, PermanentError) as error:
            _log.warning("imports wait", error=str(error))

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def look(self) -> None:
        """Renew the leases of what this replica works on, and take up what nobody holds."""
        now = self._clock.now()
        for id_, task in list(self._working.items()):
            if await self._imports.acquire(id_, self._holder, now, LEASE_FOR) is None:
                task.cancel()
        for id_ in await self._imports.runnable(now, AT_ONCE - len(self._working)):
            lease = await self._imports.acquire(id_, self._holder, now, LEASE_FOR)
            if lease is not None and id_ not in self._working:
                self._working[id_] = asyncio.create_task(self.work_on(lease))
                self._working[id_].add_done_callback(partial(self._left, id_))
        if self._tidied_at is None or now - self._tidied_at >= TIDY_EVERY:
            self._tidied_at = now
            await self.tidy()

    def _left(self, id_: str, _done: asyncio.Task[None]) -> None:
        del self._working[id_]

    async def work_on(self, lease: Lease) -> None:
        """Go on with one import until it ends, is another's, or the store is away; then it is free to be taken up."""
        try:
            await self._import(lease)
        except FencedError as error:
            _log.warning("another replica took the import over", job=lease.job, error=str(error))
        except TransientError as error:
            _log.warning("import waits", job=lease.job, error=str(error))
            await self._sleep(AFTER_TROUBLE.total_seconds())
        finally:
            await self._free(lease)

    async def _import(self, lease: Lease) -> None:
        job = await self._imports.start(lease, self._clock.now())
        if job is None:
            return
        try:
            state = await self._carry_on(job, lease)
        except (FencedError, TransientError):
            raise
        except PermanentError as error:
            await self._end(lease, State.FAILED, str(error))
        except Exception as error:
            _log.exception("import failed: a defect of ours", job=lease.job, error=type(error).__name__)
            await self._end(lease, State.FAILED, f"a defect of ours ({type(error).__name__}); it was logged")
        else:
            await self._end(lease, State.CANCELLED if state is State.CANCELLING else State.DONE)

    async def _carry_on(self, job: Import, lease: Lease) -> State:
        """Take the rows that are left, and return whether the import is still wanted.

        For each chunk: 1. The intake stores its facts. 2. Progress and rejected rows are written, under the lease's
        token. At most IN_FLIGHT chunks are between the two. A crash there leaves their facts stored and not counted:
        whoever goes on sends the same rows again, and knows that as many chunks are doubtful.
        """
        chunks, meter = self._sent(job), PaceMeter(self._clock.now(), job.position.offset)
        under_way: deque[asyncio.Task[Progress]] = deque()
        state = job.state
        try:
            async with aclosing(self._chunks(job)) as parsed:
                async for chunk in parsed:
                    while under_way and (len(under_way) >= IN_FLIGHT or under_way[0].done()):
                        state = await self._record(lease, meter, await under_way.popleft())
                    if state is State.CANCELLING:
                        break
                    await self._slots.acquire()
                    under_way.append(asyncio.create_task(chunks.answered(chunk)))
                    under_way[-1].add_done_callback(lambda _done: self._slots.release())
            while under_way:
                state = await self._record(lease, meter, await under_way.popleft())
        finally:
            for task in under_way:
                task.cancel()
        return state

    def _sent(self, job: Import) -> Chunks:
        return Chunks(self._facts, job.sources, self._metrics, self._sleep)

    async def _chunks(self, job: Import) -> AsyncGenerator[Chunk]:
        doubtful = 0 if job.state is State.WAITING else IN_FLIGHT
        start = job.position
        rows: list[Row] = []
        candidates: list[Candidate] = []
        async for row in self._rows.read(job):
            rows.append(row)
            candidates.append(self._parse(job, row.raw, self._clock.now()))
            if len(rows) % PARSED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if len(rows) == CHUNK_ROWS:
                yield Chunk(start, rows, candidates, doubtful > 0)
                start, rows, candidates, doubtful = row.after, [], [], doubtful - 1
        if rows:
            yield Chunk(start, rows, candidates, doubtful > 0)

    async def _record(self, lease: Lease, meter: PaceMeter, progress: Progress) -> State:
        pace = meter.measured(self._clock.now(), sum(progress.counts.values()), progress.end.offset)
        state = await self._imports.record(lease, replace(progress, pace=pace))
        self._metrics.recorded(progress.counts)
        return state

    async def _end(self, lease: Lease, state: State, detail: str | None = None) -> None:
        """End the import and delete its file; should we be killed between the two, the file is found by `tidy`."""
        now = self._clock.now()
        await self._imports.end(lease, state, now, now + KEPT_FOR, detail)
        self._metrics.ended(state)
        await self._forget_file(lease.job)

    async def _forget_file(self, id_: str) -> None:
        await self._uploads.delete(id_)
        await self._imports.file_deleted(id_)

    async def _free(self, lease: Lease) -> None:
        try:
            await self._imports.release(lease, self._holder)
        except (TransientError, PermanentError) as error:
            _log.warning("import not freed; its lease runs out by itself", job=lease.job, error=str(error))

    async def tidy(self) -> None:
        """Delete what kills have left: uploads that stopped half way, files of imports that have ended."""
        await self._uploading.forget_still_ones()
        for id_ in await self._imports.with_file():
            await self._forget_file(id_)
        self._metrics.unfinished(await self._imports.by_state())
