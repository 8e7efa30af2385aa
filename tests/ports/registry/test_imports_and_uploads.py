"""One suite for the ports of imports, on the fakes and on MongoDB, with expectations written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.registry.adapters.gridfs_uploads import GridFsUploads
from services.registry.adapters.mongo_imports import MongoImports
from services.registry.application.import_ports import (
    OUTCOMES,
    START,
    Format,
    Import,
    Imports,
    Pace,
    Position,
    Progress,
    Reading,
    Rejected,
    State,
    Uploads,
)
from services.registry.application.uploading import BLOCK_BYTES
from services.registry.intake.places import RegionCodes
from shared.adapters.mongo import Mongo
from shared.runtime.clock import SystemClock
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease
from tests.factories_registry import at
from tests.fakes_imports import MemoryImports, MemoryUploads

NOW = at("2026-11-21T10:00:00.123+07:00")
LATER = NOW + timedelta(days=7)
TTL = timedelta(seconds=5)
BPS_CSV = Reading(Format.CSV, RegionCodes.BPS)
NONE = dict.fromkeys(OUTCOMES, 0)
REJECTED = Rejected(3, "bpjs/aceh", "f-2", "unknown_region", "data.region", "is none")


@dataclass
class Ports:
    """The jobs and their files."""

    imports: Imports
    uploads: Uploads


@pytest.fixture(params=["fake", "real"])
def address(request: pytest.FixtureRequest) -> str | None:
    """Where the real ports' MongoDB is; None for the fakes, which then need no server."""
    return None if request.param == "fake" else request.getfixturevalue("mongodb_uri")


@pytest.fixture
async def ports(address: str | None, namespace: str) -> AsyncIterator[Ports]:
    """The same ports twice."""
    if address is None:
        yield Ports(MemoryImports(), MemoryUploads())
        return
    mongo = Mongo(address, f"{namespace.replace('.', '_')}registry", "registry-0")
    imports, uploads = MongoImports(mongo), GridFsUploads(mongo, SystemClock())
    await imports.prepare()
    await uploads.prepare()
    yield Ports(imports, uploads)
    mongo.close()


async def waiting(ports: Ports, subject: str = "upstream", key: str | None = None) -> Import:
    """Return an import that waits, of 100 bytes."""
    begun = await ports.imports.begin(subject, ["bpjs/aceh"], BPS_CSV, NOW)
    job = await ports.imports.uploaded(begun.id, 100, key)
    assert job is not None
    return job


async def leased(ports: Ports, job: Import, holder: str = "one") -> Lease:
    """Return the lease on a job."""
    lease = await ports.imports.acquire(job.id, holder, NOW, TTL)
    assert lease is not None
    return lease


async def running(ports: Ports) -> Lease:
    """Return the lease on an import that has begun."""
    lease = await leased(ports, await waiting(ports))
    assert await ports.imports.start(lease, NOW) is not None
    return lease


def progress(start: Position, end: Position, *rejected: Rejected, **counts: int) -> Progress:
    """Return what a chunk adds."""
    return Progress(start, end, NONE | counts, rejected, Pace(10.5, 1000.0))


async def test_an_upload_becomes_an_import_that_waits(ports: Ports) -> None:
    """With who sent it, what they may write and how it is read."""
    begun = await ports.imports.begin("upstream", ["bpjs/aceh"], BPS_CSV, NOW)
    assert (begun.state, begun.created_at) == (State.UPLOADING, NOW)
    assert await ports.imports.runnable(NOW, 10) == []
    job = await ports.imports.uploaded(begun.id, 100, None)
    assert job == Import(begun.id, "upstream", ("bpjs/aceh",), BPS_CSV, State.WAITING, NOW, size=100)
    assert await ports.imports.find(begun.id) == job
    assert await ports.imports.runnable(NOW, 10) == [begun.id]
    assert await ports.imports.runnable(NOW, 0) == []
    assert await ports.imports.find("nobody's") is None


async def test_an_upload_that_was_given_up_is_no_import(ports: Ports) -> None:
    """Neither can it go on, nor can one that has ended be given up."""
    begun = await ports.imports.begin("upstream", [], BPS_CSV, NOW)
    assert await ports.imports.still_uploading(begun.id, NOW + TTL)
    assert await ports.imports.standing_still(NOW + TTL) == []
    assert await ports.imports.standing_still(NOW + 2 * TTL) == [begun.id]
    assert await ports.imports.give_up(begun.id, NOW, LATER)
    assert not await ports.imports.give_up(begun.id, NOW, LATER)
    assert not await ports.imports.still_uploading(begun.id, NOW)
    assert await ports.imports.uploaded(begun.id, 100, None) is None
    assert await ports.imports.with_file() == [begun.id]
    await ports.imports.file_deleted(begun.id)
    assert await ports.imports.with_file() == []


async def test_a_key_is_one_import_of_a_subject_until_it_fails(ports: Ports) -> None:
    """Another subject's is its own."""
    job = await waiting(ports, key="k")
    second = await ports.imports.begin("upstream", [], BPS_CSV, NOW)
    assert await ports.imports.uploaded(second.id, 100, "k") is None
    found = await ports.imports.find_key("upstream", "k")
    assert found is not None
    assert found.id == job.id
    assert (await waiting(ports, "other", "k")).id != job.id
    lease = await leased(ports, job)
    await ports.imports.end(lease, State.FAILED, NOW, LATER, "broken")
    assert await ports.imports.find_key("upstream", "k") is None


async def test_a_subjects_imports_are_listed_newest_first_in_pages(ports: Ports) -> None:
    """And counted while they have not ended."""
    jobs = [await waiting(ports) for _ in range(3)]
    await waiting(ports, "other")
    first = await ports.imports.listed("upstream", "", 2)
    assert [job.id for job in first] == [jobs[2].id, jobs[1].id]
    assert [job.id for job in await ports.imports.listed("upstream", first[-1].id, 2)] == [jobs[0].id]
    await ports.imports.begin("upstream", [], BPS_CSV, NOW)
    assert await ports.imports.unfinished("upstream") == 4
    await ports.imports.end(await leased(ports, jobs[0]), State.DONE, NOW, LATER, None)
    assert await ports.imports.unfinished("upstream") == 3
    by_state = await ports.imports.by_state()
    assert by_state == {State.UPLOADING: 1, State.WAITING: 3, State.RUNNING: 0, State.CANCELLING: 0}


async def test_what_is_held_is_runnable_again_when_the_lease_runs_out_or_is_freed(ports: Ports) -> None:
    """Nobody else gets it meanwhile; a new holder's token is greater."""
    job = await waiting(ports)
    lease = await leased(ports, job)
    assert await ports.imports.runnable(NOW, 10) == []
    assert await ports.imports.acquire(job.id, "two", NOW, TTL) is None
    assert await ports.imports.runnable(NOW + TTL, 10) == [job.id]
    taken = await ports.imports.acquire(job.id, "two", NOW + TTL, TTL)
    assert taken is not None
    assert taken.token > lease.token
    await ports.imports.release(taken, "two")
    assert await ports.imports.runnable(NOW, 10) == [job.id]


async def test_starting_tells_whether_it_is_the_first_time(ports: Ports) -> None:
    """The import as it was before; the first start is kept."""
    lease = await leased(ports, await waiting(ports))
    first = await ports.imports.start(lease, NOW)
    again = await ports.imports.start(lease, LATER)
    assert first is not None
    assert again is not None
    assert (first.state, first.started_at, again.state, again.started_at) == (State.WAITING, None, State.RUNNING, NOW)


async def test_progress_adds_up_and_moves_on(ports: Ports) -> None:
    """Counts, position, pace and rejected rows, by line."""
    lease = await running(ports)
    middle, end = Position(40, 4), Position(100, 9)
    assert await ports.imports.record(lease, progress(START, middle, REJECTED, accepted=2, refused=1)) is State.RUNNING
    await ports.imports.record(lease, progress(middle, end, accepted=3, duplicate=1))
    job = await ports.imports.find(lease.job)
    assert job is not None
    assert (job.position, job.pace, job.rows) == (end, Pace(10.5, 1000.0), 7)
    assert job.counts == {"accepted": 5, "duplicate": 1, "repeated": 0, "conflict": 0, "refused": 1}
    assert [list(rows) async for rows in ports.imports.rejected(lease.job)] == [[REJECTED]]


async def test_progress_that_does_not_follow_is_refused_whole(ports: Ports) -> None:
    """From another position, or under an older token: neither counts nor rejected rows are added."""
    lease = await running(ports)
    middle = Position(40, 4)
    await ports.imports.record(lease, progress(START, middle, accepted=3))
    with pytest.raises(FencedError):
        await ports.imports.record(lease, progress(START, middle, REJECTED, refused=1))
    assert await ports.imports.acquire(lease.job, "two", NOW + TTL, TTL) is not None
    with pytest.raises(FencedError):
        await ports.imports.record(lease, progress(middle, Position(50, 5), REJECTED, refused=1))
    with pytest.raises(FencedError):
        await ports.imports.end(lease, State.DONE, NOW, LATER, None)
    job = await ports.imports.find(lease.job)
    assert job is not None
    assert (job.rows, job.state) == (3, State.RUNNING)
    assert [rows async for rows in ports.imports.rejected(lease.job)] == []


async def test_an_ended_import_can_be_neither_cancelled_nor_gone_on_with(ports: Ports) -> None:
    """It says when it ended, why, and until when it is kept."""
    lease = await running(ports)
    await ports.imports.end(lease, State.FAILED, NOW, LATER, "the reason")
    job = await ports.imports.find(lease.job)
    assert job is not None
    assert (job.state, job.ended_at, job.expires_at, job.detail) == (State.FAILED, NOW, LATER, "the reason")
    assert await ports.imports.cancel(lease.job) is None
    assert await ports.imports.start(lease, NOW) is None
    assert await ports.imports.runnable(NOW + TTL, 10) == []


async def test_a_cancelled_import_tells_its_holder_at_the_next_progress(ports: Ports) -> None:
    """One that still uploads cannot be cancelled."""
    lease = await running(ports)
    cancelled = await ports.imports.cancel(lease.job)
    assert cancelled is not None
    assert cancelled.state is State.CANCELLING
    assert await ports.imports.record(lease, progress(START, Position(40, 4), accepted=1)) is State.CANCELLING
    uploading = await ports.imports.begin("upstream", [], BPS_CSV, NOW)
    assert await ports.imports.cancel(uploading.id) is None


async def test_a_file_is_read_from_any_byte_and_is_gone_when_deleted(ports: Ports) -> None:
    """Across blocks; half a file can be deleted too."""
    content = [b"a" * BLOCK_BYTES, b"b" * BLOCK_BYTES, b"c"]
    for number, block in enumerate(content):
        await ports.uploads.append("job", number, block)
    await ports.uploads.append("other", 0, b"half")
    await ports.uploads.close("job", 2 * BLOCK_BYTES + 1)
    assert [block async for block in ports.uploads.blocks("job", 0)] == content
    assert [block async for block in ports.uploads.blocks("job", BLOCK_BYTES + 7)] == [b"b" * (BLOCK_BYTES - 7), b"c"]
    await ports.uploads.delete("job")
    assert [block async for block in ports.uploads.blocks("job", 0)] == []
    await ports.uploads.delete("other")
    assert [block async for block in ports.uploads.blocks("other", 0)] == []
