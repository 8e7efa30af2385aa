"""The ports of imports in memory, for laws and crash tests; held to the same suite as the real ones."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.registry.application.import_ports import (
    RUNNABLE,
    UNFINISHED,
    Counts,
    Import,
    Progress,
    Reading,
    Rejected,
    State,
)
from services.registry.application.uploading import BLOCK_BYTES
from services.registry.intake.commit import Outcome, Result
from services.registry.intake.parsing import Candidate
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.lease import Lease


@dataclass
class _Kept:
    """A job and what is kept beside it."""

    job: Import
    moved_at: datetime
    key: str | None = None
    holder: str | None = None
    token: int = 0
    until: datetime | None = None
    file: bool = True
    rejected: list[Sequence[Rejected]] = field(default_factory=list)


class MemoryImports:
    """The jobs; `fail_next` makes the next record fail, as a store that is away."""

    def __init__(self) -> None:
        self.jobs: dict[str, _Kept] = {}
        self.fail_next = False

    async def begin(self, subject: str, sources: Sequence[str], reading: Reading, now: datetime) -> Import:
        """See the port."""
        job = Import(f"{len(self.jobs):024d}", subject, tuple(sources), reading, State.UPLOADING, now)
        self.jobs[job.id] = _Kept(job, now)
        return job

    async def still_uploading(self, id_: str, now: datetime) -> bool:
        """See the port."""
        kept = self.jobs[id_]
        kept.moved_at = now
        return kept.job.state is State.UPLOADING

    async def uploaded(self, id_: str, size: int, key: str | None) -> Import | None:
        """See the port."""
        kept = self.jobs[id_]
        taken = key is not None and await self.find_key(kept.job.subject, key) is not None
        if taken or kept.job.state is not State.UPLOADING:
            return None
        kept.key, kept.job = key, replace(kept.job, size=size, state=State.WAITING)
        return kept.job

    async def give_up(self, id_: str, now: datetime, expires_at: datetime) -> bool:
        """See the port."""
        kept = self.jobs[id_]
        if kept.job.state is not State.UPLOADING:
            return False
        kept.job = replace(kept.job, state=State.FAILED, ended_at=now, expires_at=expires_at, detail="given up")
        return True

    async def find(self, id_: str) -> Import | None:
        """See the port."""
        return self.jobs[id_].job if id_ in self.jobs else None

    async def find_key(self, subject: str, key: str) -> Import | None:
        """See the port."""
        return next((k.job for k in self.jobs.values() if (k.job.subject, k.key) == (subject, key)), None)

    async def listed(self, subject: str, before: str, limit: int) -> list[Import]:
        """See the port."""
        own = [k.job for k in self.jobs.values() if k.job.subject == subject and (not before or k.job.id < before)]
        return sorted(own, key=lambda job: job.id, reverse=True)[:limit]

    async def unfinished(self, subject: str) -> int:
        """See the port."""
        return sum(k.job.subject == subject and k.job.state in UNFINISHED for k in self.jobs.values())

    async def runnable(self, now: datetime, limit: int) -> list[str]:
        """See the port."""
        free = [k for k in self.jobs.values() if k.holder is None or (k.until is not None and k.until <= now)]
        return [k.job.id for k in free if k.job.state in RUNNABLE][: max(0, limit)]

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        """See the port."""
        kept = self.jobs[job]
        held = kept.until is not None and kept.until > now
        if kept.holder is not None and held and kept.holder != holder:
            return None
        if kept.holder != holder or not held:
            kept.token += 1
        kept.holder, kept.until = holder, now + ttl
        return Lease(job, kept.token, now + ttl)

    async def release(self, lease: Lease, holder: str) -> None:
        """See the port."""
        kept = self.jobs[lease.job]
        if (kept.holder, kept.token) == (holder, lease.token):
            kept.holder = None

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        """See the port."""
        raise NotImplementedError("imports are not balanced")

    async def withdraw(self, holder: str) -> None:
        """See the port."""
        raise NotImplementedError("imports are not balanced")

    def _under(self, lease: Lease) -> _Kept | None:
        kept = self.jobs[lease.job]
        return kept if kept.token == lease.token and kept.job.state in RUNNABLE else None

    async def start(self, lease: Lease, now: datetime) -> Import | None:
        """See the port."""
        kept = self._under(lease)
        if kept is None:
            return None
        before = kept.job
        state = State.RUNNING if before.state is State.WAITING else before.state
        kept.job = replace(before, state=state, started_at=before.started_at or now)
        return before

    async def record(self, lease: Lease, progress: Progress) -> State:
        """See the port."""
        await asyncio.sleep(0)
        if self.fail_next:
            self.fail_next = False
            raise TransientError("the store is away")
        kept = self._under(lease)
        if kept is None or kept.job.position.offset != progress.start.offset:
            raise FencedError("no longer ours")
        counts = {outcome: lines + progress.counts[outcome] for outcome, lines in kept.job.counts.items()}
        kept.job = replace(kept.job, position=progress.end, counts=counts, pace=progress.pace)
        if progress.rejected:
            kept.rejected.append(progress.rejected)
        return kept.job.state

    async def end(self, lease: Lease, state: State, now: datetime, expires_at: datetime, detail: str | None) -> None:
        """See the port."""
        kept = self._under(lease)
        if kept is None:
            raise FencedError("no longer ours")
        kept.key = kept.key if state is State.DONE else None
        kept.job = replace(kept.job, state=state, ended_at=now, expires_at=expires_at, detail=detail)

    async def cancel(self, id_: str) -> Import | None:
        """See the port."""
        kept = self.jobs[id_]
        if kept.job.state not in RUNNABLE:
            return None
        kept.job = replace(kept.job, state=State.CANCELLING)
        return kept.job

    async def rejected(self, id_: str) -> AsyncIterator[Sequence[Rejected]]:
        """See the port."""
        for rows in sorted(self.jobs[id_].rejected, key=lambda rows: rows[0].line):
            yield rows

    async def standing_still(self, since: datetime) -> list[str]:
        """See the port."""
        return [k.job.id for k in self.jobs.values() if k.job.state is State.UPLOADING and k.moved_at < since]

    async def with_file(self) -> list[str]:
        """See the port."""
        return [k.job.id for k in self.jobs.values() if k.file and k.job.state not in UNFINISHED]

    async def file_deleted(self, id_: str) -> None:
        """See the port."""
        self.jobs[id_].file = False

    async def by_state(self) -> Mapping[State, int]:
        """See the port."""
        states = [kept.job.state for kept in self.jobs.values()]
        return {state: states.count(state) for state in UNFINISHED}


class MemoryUploads:
    """The files, block by block."""

    def __init__(self) -> None:
        self.files: defaultdict[str, list[bytes]] = defaultdict(list)

    async def append(self, id_: str, number: int, block: bytes) -> None:
        """See the port."""
        assert number == len(self.files[id_])
        self.files[id_].append(block)

    async def close(self, id_: str, size: int) -> None:
        """See the port."""
        assert size == sum(map(len, self.files[id_]))

    async def blocks(self, id_: str, offset: int) -> AsyncIterator[bytes]:
        """See the port."""
        number, skip = divmod(offset, BLOCK_BYTES)
        for n, block in enumerate(self.files.get(id_, [])[number:]):
            await asyncio.sleep(0)
            yield block if n else block[skip:]

    async def delete(self, id_: str) -> None:
        """See the port."""
        self.files.pop(id_, None)


class SilentImportMetrics:
    """Keeps what was counted."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, int] = defaultdict(int)
        self.ends: list[State] = []
        self.shown: Mapping[State, int] = {}

    def answered(self, type_: str, outcome: Outcome, seconds: float) -> None:
        """See the port."""

    def recorded(self, counts: Counts) -> None:
        """See the port."""
        for outcome, rows in counts.items():
            self.rows[outcome] += rows

    def ended(self, state: State) -> None:
        """See the port."""
        self.ends.append(state)

    def unfinished(self, by_state: Mapping[State, int]) -> None:
        """See the port."""
        self.shown = by_state


class MemoryFacts:
    """An intake that keeps what it has accepted; what is put is durable at once, and answered a little later.

    `away` makes so many puts fail, as a store that is away; `broken` makes all fail for good.
    """

    def __init__(self, away: int = 0, broken: bool = False) -> None:
        self.known: dict[tuple[str, str], bytes] = {}
        self.away = away
        self.broken = broken
        self.waiting = 0
        self.most_waiting = 0

    def put(self, candidate: Candidate, traceparent: str | None = None) -> asyncio.Future[Outcome]:
        """See the intake."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        decided = self._decided(candidate)
        loop.call_soon(loop.call_soon, self._answer, answer, decided)
        return answer

    def _decided(self, candidate: Candidate) -> Outcome | Exception:
        assert candidate.key is not None
        if self.broken:
            return PermanentError("a defect of ours")
        if self.away:
            self.away -= 1
            return TransientError("the store is away")
        if candidate.key in self.known:
            same = self.known[candidate.key] == candidate.digest
            return Outcome(Result.DUPLICATE if same else Result.CONFLICT)
        if candidate.refusal:
            return Outcome(Result.REFUSED, candidate.refusal)
        self.known[candidate.key] = candidate.digest
        return Outcome(Result.ACCEPTED)

    def _answer(self, answer: asyncio.Future[Outcome], decided: Outcome | Exception) -> None:
        self.waiting -= 1
        if answer.done():
            return
        if isinstance(decided, Exception):
            answer.set_exception(decided)
        else:
            answer.set_result(decided)
