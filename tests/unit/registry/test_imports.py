"""The import: every row decided once, whoever goes on with it and wherever it was cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.adapters.import_rows import FileRows, reader
from services.registry.application import imports as importing
from services.registry.application.import_pace import PaceMeter
from services.registry.application.import_ports import Format, Import, Reading, Rejected, State
from services.registry.application.imports import IN_FLIGHT, KEPT_FOR, LEASE_FOR, Importer
from services.registry.application.uploading import (
    BLOCK_BYTES,
    GIVEN_UP_AFTER,
    SAY_EVERY,
    UNFINISHED_AT_MOST,
    GivenUpError,
    Sender,
    TooManyError,
    Uploading,
)
from services.registry.identity.hashing import Secrets
from services.registry.intake.parsing import Parser
from shared.regions.catalogue import catalogue
from tests.factories_registry import NIK, event
from tests.fakes import ManualClock
from tests.fakes_imports import MemoryFacts, MemoryImports, MemoryUploads, SilentImportMetrics
from tests.waiting import eventually

PARSER = Parser(catalogue(), Secrets.derive(b"s" * 32).content)
CHUNK = 4
UPSTREAM = Sender("upstream", ("bpjs/aceh",), None)
NDJSON = Reading(Format.NDJSON)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few rows make many chunks."""
    monkeypatch.setattr(importing, "CHUNK_ROWS", CHUNK)


@dataclass
class World:
    """Everything that outlives a replica."""

    facts: MemoryFacts = field(default_factory=MemoryFacts)
    imports: MemoryImports = field(default_factory=MemoryImports)
    uploads: MemoryUploads = field(default_factory=MemoryUploads)
    metrics: SilentImportMetrics = field(default_factory=SilentImportMetrics)
    clock: ManualClock = field(default_factory=ManualClock)

    @property
    def uploading(self) -> Uploading:
        return Uploading(self.imports, self.uploads, self.clock)

    def replica(self, name: str = "one") -> Importer:
        async def sleep(seconds: float) -> None:
            self.clock.advance(timedelta(seconds=seconds))
            await asyncio.sleep(0)

        return Importer(
            self.imports, self.uploads, self.uploading, FileRows(self.uploads), reader(PARSER), self.facts, name,
            self.clock, self.metrics, sleep,
        )  # fmt: skip

    async def upload(self, body: bytes, sender: Sender = UPSTREAM, reading: Reading = NDJSON) -> Import:
        return await self.uploading.take(sender, reading, parts(body), lambda _first: None)

    async def work(self, id_: str, name: str = "one") -> Import:
        """Have a replica work at the import until it stops, and return the import."""
        lease = await self.imports.acquire(id_, name, self.clock.now(), LEASE_FOR)
        assert lease is not None
        await self.replica(name).work_on(lease)
        return self.imports.jobs[id_].job

    async def killed_after(self, id_: str, steps: int, name: str) -> None:
        """Have a replica work for so many steps of the loop; then it is gone, and its lease runs out."""
        lease = await self.imports.acquire(id_, name, self.clock.now(), LEASE_FOR)
        assert lease is not None
        task = asyncio.create_task(self.replica(name).work_on(lease))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.clock.advance(LEASE_FOR)

    async def rejected(self, id_: str) -> list[Rejected]:
        return [row async for rows in self.imports.rejected(id_) for row in rows]


async def parts(body: bytes, size: int = 700_000) -> AsyncIterator[bytes]:
    for begin in range(0, len(body), size):
        yield body[begin : begin + size]


def line(n: int, **over: Any) -> bytes:
    return json.dumps(
        event(id=f"f-{n}", data={"identity": {"scheme": "nik", "value": f"{NIK[:12]}{n:04d}"}} | over)
    ).encode()


GOOD, BAD, BROKEN, AGAIN, OTHER = "good", "bad", "broken", "again", "other"


def written(kinds: Sequence[str]) -> bytes:
    """Return a file with a row of each kind; `again` and `other` speak of fact 0, which comes first."""
    return b"\n".join([line(0), *(row(kind, n) for n, kind in enumerate(kinds, start=1))])


def row(kind: str, n: int) -> bytes:
    match kind:
        case "bad":
            return line(n, region="99.01")
        case "broken":
            return b'{"broken'
        case "again":
            return line(0)
        case "other":
            return line(0, segment="PU")
        case _:
            return line(n)


async def test_every_row_is_decided_and_the_rejected_are_told_by_line() -> None:
    """Counts by outcome, rejected rows with their reason, no identity among them; then the file is gone."""
    world = World()
    job = await world.upload(written([GOOD] * 6 + [BAD, BROKEN, AGAIN, OTHER, GOOD]))
    done = await world.work(job.id)
    assert done.state is State.DONE
    assert done.counts == {"accepted": 8, "duplicate": 1, "repeated": 0, "conflict": 1, "refused": 2}
    rejected = await world.rejected(job.id)
    assert [(row.line, row.id, row.code) for row in rejected] == [
        (8, "f-7", "unknown_region"),
        (9, None, "malformed_json"),
        (11, "f-0", "conflict"),
    ]
    assert NIK[:11] not in repr(rejected)
    assert (done.ended_at, done.expires_at) == (world.clock.now(), world.clock.now() + KEPT_FOR)
    assert (world.uploads.files, world.metrics.ends) == ({}, [State.DONE])
    assert world.metrics.rows == done.counts


@given(
    st.lists(st.sampled_from([GOOD, GOOD, GOOD, BAD, BROKEN, AGAIN, OTHER]), max_size=40),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_wherever_replicas_are_killed_the_end_is_the_same(kinds: list[str], kills: list[int]) -> None:
    """Every row is counted once and rejected once; what a kill left in doubt shows as repeated, nothing else does."""

    async def run(kills: Sequence[int]) -> tuple[World, Import]:
        world = World()
        job = await world.upload(written(kinds))
        for number, steps in enumerate(kills):
            if job.state is not State.DONE:
                await world.killed_after(job.id, steps, f"killed-{number}")
                job = world.imports.jobs[job.id].job
        return world, job if job.state is State.DONE else await world.work(job.id, "last")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "CHUNK_ROWS", CHUNK)
        quiet, expected = asyncio.run(run([]))
        world, job = asyncio.run(run(kills))
    assert (job.state, job.rows) == (State.DONE, len(kinds) + 1)
    assert world.facts.known == quiet.facts.known
    same = ("conflict", "refused")
    assert [job.counts[name] for name in same] == [expected.counts[name] for name in same]
    assert asyncio.run(world.rejected(job.id)) == asyncio.run(quiet.rejected(job.id))
    assert job.counts["accepted"] + job.counts["repeated"] >= len(world.facts.known)
    assert job.counts["repeated"] <= len(kills) * IN_FLIGHT * CHUNK


async def test_at_most_three_chunks_are_in_the_intake_at_once_of_all_imports() -> None:
    """Facts that somebody waits for do not stand behind a file."""
    world = World()
    jobs = [await world.upload(written([GOOD] * 60)) for _ in range(2)]
    replica = world.replica()
    leases = [await world.imports.acquire(job.id, "one", world.clock.now(), LEASE_FOR) for job in jobs]
    await asyncio.gather(*(replica.work_on(lease) for lease in leases if lease))
    assert {world.imports.jobs[job.id].job.state for job in jobs} == {State.DONE}
    assert world.facts.most_waiting <= IN_FLIGHT * CHUNK


async def test_what_the_store_does_not_take_is_sent_again_and_counts_once() -> None:
    """A store that is away for a while delays the import; nothing is lost."""
    world = World(MemoryFacts(away=7))
    job = await world.upload(written([GOOD] * 9 + [BAD]))
    done = await world.work(job.id)
    assert done.counts == {"accepted": 10, "duplicate": 0, "repeated": 0, "conflict": 0, "refused": 1}


async def test_progress_that_cannot_be_written_is_made_again_from_where_it_stood() -> None:
    """The import is free to be taken up, and what was stored meanwhile shows as repeated."""
    world = World()
    job = await world.upload(written([GOOD] * 9))
    world.imports.fail_next = True
    waits = await world.work(job.id)
    assert (waits.state, waits.rows, world.imports.jobs[job.id].holder) == (State.RUNNING, 0, None)
    done = await world.work(job.id, "two")
    assert (done.state, done.rows) == (State.DONE, 10)
    assert done.counts["accepted"] + done.counts["repeated"] == 10


async def test_what_fails_for_good_fails_the_import_and_says_which_lines() -> None:
    """After some tries; it may be sent again under its key."""
    world = World(MemoryFacts(broken=True))
    job = await world.upload(written([GOOD] * 9), Sender("upstream", ("bpjs/aceh",), "k"))
    failed = await world.work(job.id)
    assert (failed.state, failed.detail) == (
        State.FAILED, "lines 1 to 4 could not be stored; an operator must act, then send the file again",
    )  # fmt: skip
    assert await world.imports.find_key("upstream", "k") is None
    assert world.uploads.files == {}


async def test_a_cancelled_import_ends_after_the_rows_under_way() -> None:
    """What was stored stays and is counted; the rest is not begun."""
    world = World()
    job = await world.upload(written([GOOD] * 50))
    await world.killed_after(job.id, 12, "one")
    assert await world.imports.cancel(job.id) is not None
    done = await world.work(job.id, "two")
    assert done.state is State.CANCELLED
    assert done.rows < 51
    assert world.uploads.files == {}


async def test_another_replicas_progress_is_not_written_over() -> None:
    """Who was thought dead and is not stops at its next write."""
    world = World()
    job = await world.upload(written([GOOD] * 20))
    stale = await world.imports.acquire(job.id, "slow", world.clock.now(), LEASE_FOR)
    assert stale is not None
    world.clock.advance(LEASE_FOR)
    done = await world.work(job.id, "quick")
    await world.replica("slow").work_on(stale)
    assert world.imports.jobs[job.id].job == done


async def test_a_replica_takes_up_what_nobody_holds_and_leaves_what_it_lost() -> None:
    """Looking renews its leases; one that ran out to another ends its work there."""
    world = World()
    job = await world.upload(written([GOOD] * 5))
    one = world.replica("one")
    await one.look()
    assert world.imports.jobs[job.id].holder == "one"

    async def ended() -> bool:
        return world.imports.jobs[job.id].job.state is State.DONE

    await eventually(ended)
    assert world.metrics.shown[State.WAITING] == 1


async def test_an_upload_is_kept_in_blocks_and_waits() -> None:
    """Whatever parts it came in; an empty file is an import of no rows."""
    world = World()
    body = b"\n".join(line(n) for n in range(8000))
    job = await world.upload(body)
    assert (job.state, job.size) == (State.WAITING, len(body))
    assert [len(block) for block in world.uploads.files[job.id][:-1]] == [BLOCK_BYTES] * (len(body) // BLOCK_BYTES)
    empty = await world.upload(b"")
    assert (await world.work(empty.id)).rows == 0


async def test_an_upload_that_stops_leaves_nothing() -> None:
    """The error reaches the sender, the blocks are gone, the job is a failed one."""
    world = World()

    async def cut() -> AsyncIterator[bytes]:
        yield b"x" * (BLOCK_BYTES + 5)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await world.uploading.take(UPSTREAM, NDJSON, cut(), lambda _first: None)
    assert world.uploads.files == {}
    (job,) = await world.imports.listed("upstream", "", 10)
    assert job.state is State.FAILED


async def test_an_upload_that_nobody_goes_on_with_is_deleted_later() -> None:
    """Its replica was killed; one that says it still moves is left alone, and one that was given up hears so."""
    world = World()
    dead = await world.imports.begin("upstream", (), NDJSON, world.clock.now())
    await world.uploads.append(dead.id, 0, b"x")

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(20):
            world.clock.advance(SAY_EVERY)
            await world.uploading.forget_still_ones()
            yield b"{}\n"

    alive = await world.uploading.take(UPSTREAM, NDJSON, slow(), lambda _first: None)
    assert list(world.uploads.files) == [alive.id]
    assert world.imports.jobs[dead.id].job.state is State.FAILED

    async def too_slow() -> AsyncIterator[bytes]:
        world.clock.advance(GIVEN_UP_AFTER * 2)
        await world.uploading.forget_still_ones()
        yield b"{}\n"
        yield b"{}\n"

    with pytest.raises(GivenUpError):
        await world.uploading.take(UPSTREAM, NDJSON, too_slow(), lambda _first: None)
    assert list(world.uploads.files) == [alive.id]


async def test_the_same_key_is_one_import_even_when_sent_twice_at_once() -> None:
    """Whichever arrives whole first is it; the other's file is deleted."""
    world, sender = World(), Sender("upstream", ("bpjs/aceh",), "k")
    first, second = await asyncio.gather(*(world.upload(line(0), sender) for _ in range(2)))
    assert first.id == second.id
    assert list(world.uploads.files) == [first.id]
    assert (await world.upload(line(0), Sender("other", (), "k"))).id != first.id


async def test_a_caller_has_only_so_many_unfinished_imports() -> None:
    """Others may go on; when one has ended there is room again."""
    world = World()
    jobs = [await world.upload(line(0)) for _ in range(UNFINISHED_AT_MOST)]
    with pytest.raises(TooManyError):
        await world.upload(line(0))
    await world.upload(line(0), Sender("other", (), None))
    await world.work(jobs[0].id)
    assert (await world.upload(line(0))).state is State.WAITING


async def test_files_of_ended_imports_that_a_kill_left_are_deleted() -> None:
    """Between the end and the deletion there is a moment."""
    world = World()
    job = await world.upload(line(0))
    lease = await world.imports.acquire(job.id, "one", world.clock.now(), LEASE_FOR)
    assert lease is not None
    await world.imports.end(lease, State.DONE, world.clock.now(), world.clock.now(), None)
    await world.replica().tidy()
    assert (world.uploads.files, await world.imports.with_file()) == ({}, [])


def test_rate_and_time_left_are_those_of_the_last_seconds() -> None:
    """A slow beginning is forgotten."""
    clock = ManualClock()
    meter = PaceMeter(clock.now(), 0)
    assert meter.measured(clock.now(), 1, 10) is None
    clock.advance(timedelta(seconds=100))
    meter.measured(clock.now(), 0, 10)
    for second in range(1, 21):
        clock.advance(timedelta(seconds=1))
        pace = meter.measured(clock.now(), 500, 10 + 1000 * second)
    assert pace is not None
    assert (round(pace.rows_per_second), round(pace.bytes_per_second)) == (500, 1000)
