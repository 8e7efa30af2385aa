"""A new generation beside the live one, on real Kafka and MongoDB, while changes come in and replicas count."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.process import Child
from services.coverage.app import changes_of
from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import Step
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.proof import rebuild
from services.coverage.proof.domain.recount import Recount, dues_and_news_in, flows_in, people_in
from services.coverage.proof.mongo.counted import MongoPointInTime
from services.coverage.proof.mongo.generations import MongoGenerations
from services.coverage.proof.rebuild import Rebuild
from shared.adapters.mongo import Mongo
from shared.adapters.mongo_leases import MongoLeases
from shared.adapters.progress_bar import ProgressBar
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS
from shared.runtime.clock import SystemClock
from tests.factories_coverage import (
    OTHER_PROVINCE,
    OTHER_REGENCY,
    TODAY,
    VILLAGE,
    change,
    counted_too,
    joined,
    partition,
    state,
)
from tests.fakes import ManualClock
from tests.fakes_audit import SilentProgress
from tests.integration.coverage.commands import cakupan_coverage
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

PLACES = (VILLAGE, OTHER_REGENCY, OTHER_PROVINCE)
BATCH = 40


@pytest.fixture
async def mongo(stack: Stack) -> AsyncIterator[Mongo]:
    """The stack's database."""
    settings = stack.settings()
    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), "test-rebuild")
    yield mongo
    mongo.close()


class Stream:
    """Changes that go on until they are told to stop: people join, some lapse."""

    def __init__(self, stack: Stack) -> None:
        self.sent = 0
        self._stack = stack
        self._next = dict.fromkeys(PLACES, 0)

    async def send(self) -> None:
        """Publish some changes of each place."""
        for place in PLACES:
            first = self._next[place]
            some = [*joined(BATCH - 1, place, first=first)]
            lapsed = change(first + BATCH - 1, "lapsed", before=state(place), after=state(place, active=False))
            await self._stack.publish([*some, lapsed])
            self._next[place] += BATCH
            self.sent += BATCH

    @property
    def people(self) -> int:
        """How many have joined."""
        return self.sent // BATCH * (BATCH - 1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Go on sending during the block."""
        ending = asyncio.Event()

        async def send() -> None:
            while not ending.is_set():
                await self.send()

        task = asyncio.create_task(send())
        yield
        ending.set()
        await task


async def measures_of(mongo: Mongo, generation: int) -> dict[str, Mapping[str, object]]:
    """Return all measures of every region of a generation, and of its pages, without those that are 0."""
    counted, since = MongoPointInTime(mongo, None, generation), first_day(TODAY)
    found: defaultdict[str, dict[str, object]] = defaultdict(dict)
    for at in range(PARTITIONS):
        for region in await counted.regions(at):
            pages = Recount(since)
            async for rows in counted.moved(at, region):
                for row, people in rows:
                    if isinstance(row, Step):
                        pages.add_step(row, people)
                    else:
                        pages.add_movement(region, row, people)
            found[f"pages of {region} {at}"] |= pages.movements(region)
            for one, figures in (await counted.figures(at, region, since)).items():
                measures = {**people_in(figures.tally), **dues_and_news_in(figures.tally), **flows_in(figures.flows)}
                found[f"{one} {at}"] |= {name: value for name, value in measures.items() if value}
    return dict(found)


class Watched(MongoGenerations):
    """Compares both generations at the flip, while neither moves."""

    def __init__(self, mongo: Mongo) -> None:
        super().__init__(mongo)
        self._in = mongo
        self.flips: list[tuple[int, int]] = []

    async def flip(self, generation: int, held: Mapping[int, int]) -> None:
        """See the port."""
        old, new = await measures_of(self._in, (await self.builds()).live), await measures_of(self._in, generation)
        assert old == new
        await super().flip(generation, held)
        self.flips.append((sum(held.values()), len(old)))


async def rebuilding(
    stack: Stack, mongo: Mongo, holder: str, clock: ManualClock, progress: ProgressBar
) -> tuple[Rebuild, Watched]:
    """Return a rebuild, and the generations it works on."""
    leases, generations = MongoLeases(mongo), Watched(mongo)
    await leases.prepare_leases([rebuild.JOB])
    return Rebuild(
        MongoStore(mongo), generations, changes_of(stack.settings()), leases, holder, clock, progress
    ), generations


async def test_under_a_live_stream_the_new_generation_is_the_old_one(
    stack: Stack, replica: Replica, mongo: Mongo
) -> None:
    """At the flip, to the last digit; then it is counted on, everything agrees, and no snapshot went back."""
    stream = Stream(stack)
    await stream.send()
    async with stream.running():
        await eventually(lambda: _published(stack, "ID"))
        building, generations = await rebuilding(stack, mongo, "one", ManualClock(), SilentProgress())
        assert await building.run() == 1
        at_flip = stream.sent
        assert (await cakupan_coverage(stack, "verify")).code == 0
        await eventually(lambda: _sent_more(stream, at_flip))
    ((counted, _),) = generations.flips
    assert 0 < counted < stream.sent
    await eventually(lambda: replica.counts("ID", stream.people))
    assert (await cakupan_coverage(stack, "verify")).code == 0
    ran = await cakupan_coverage(stack, "rebuild", "--status")
    assert ran.said == f"live: generation 1, {stream.sent:,} changes\nkept: generation 0\n"
    await eventually(lambda: _published_of(stack, VILLAGE, stream.people // len(PLACES)))
    for region in ("ID", "11", "11.01", VILLAGE):
        positions = [snapshot.position for snapshot in await stack.snapshots(region)]
        assert positions == sorted(positions)
    ran = await cakupan_coverage(stack, "rebuild", "--drop-old")
    assert (ran.code, ran.said) == (0, "dropped: generation 0\n")
    assert await replica.counts("ID", stream.people)
    assert not {"counters", "pages"} & await mongo.names()


async def _published(stack: Stack, region: str) -> bool:
    return bool(await stack.snapshots(region))


async def _published_of(stack: Stack, region: str, registered: int, *, after: int = 0) -> Snapshot | None:
    """Return the region's newest snapshot if it shows so many registered, and if more than `after` were published."""
    published = await stack.snapshots(region)
    return published[-1] if len(published) > after and published[-1].registered == registered else None


async def _sent_more(stream: Stream, than: int) -> bool:
    return stream.sent > than + 3 * BATCH


SLOW = """
from services.coverage.counting.kafka import log as change_log
from services.coverage.proof import rebuild
from services.coverage.cli import app
change_log._MAX_RECORDS, rebuild.CHANGES_A_FLUSH = 20, 40
app()
"""


async def test_a_process_killed_while_it_writes_is_gone_on_with(
    stack: Stack, replica: Replica, mongo: Mongo, tmp_path: Path
) -> None:
    """SIGKILL, whatever it was about to do: the live generation counts on, and the next rebuild ends."""
    stream = Stream(stack)
    for _ in range(40):
        await stream.send()
    await eventually(lambda: replica.counts("ID", stream.people))
    environment = {
        "CAKUPAN_KAFKA_BOOTSTRAP": stack.kafka,
        "CAKUPAN_MONGODB_URI": stack.mongodb,
        "CAKUPAN_NAMESPACE": stack.namespace,
    }
    child = Child("rebuild", (sys.executable, "-c", SLOW, "rebuild"), tmp_path / "log", environment)
    # Behind the killed process's lease.
    clock, progress = ManualClock(SystemClock().now() + timedelta(minutes=2)), SilentProgress()
    second, generations = await rebuilding(stack, mongo, "two", clock, progress)

    async def writing() -> bool:
        child.check()
        return (await generations.changes()).get(1, 0) > 0

    await child.start()
    await eventually(writing)
    await child.kill()
    written = (await generations.changes())[1]
    assert (await generations.builds()).building == 1
    await stream.send()
    await eventually(lambda: replica.counts("ID", stream.people))
    assert await second.run() == 1
    assert 0 < progress.done == stream.sent - written
    assert (await cakupan_coverage(stack, "verify")).code == 0


async def test_the_command_discards_what_was_broken_off(stack: Stack, replica: Replica, mongo: Mongo) -> None:
    """And says so; the next rebuild begins at the beginning."""
    await MongoGenerations(mongo).store(1)
    ran = await cakupan_coverage(stack, "rebuild", "--discard")
    assert (ran.code, ran.said) == (0, "discarded: generation 1\n")
    ran = await cakupan_coverage(stack, "rebuild", "--discard")
    assert (ran.code, ran.said) == (0, "discarded: none\n")
    ran = await cakupan_coverage(stack, "rebuild", "--status", "--discard")
    assert ran.code == 2
    assert "ask for one of --status, --drop-old and --discard" in ran.said


async def test_a_rebuild_mends_what_was_spoilt(stack: Stack, replica: Replica, mongo: Mongo) -> None:
    """The region is published as it is at once, though nothing new was counted; the command says what it did."""
    stream = Stream(stack)
    await stream.send()
    await eventually(lambda: replica.counts("ID", stream.people))
    await eventually(lambda: _published_of(stack, VILLAGE, BATCH - 1))
    before = await stack.snapshots(VILLAGE)
    # A replica reads counters again where their position has grown.
    spoil = counted_too("2003", Tally({"BPU  self JKK+JKM active": 1000})) | {"$inc": {"position": 1}}
    await mongo["counters"].update_one({"_id": f"11.01.02 {partition()}"}, spoil)
    await eventually(lambda: replica.counts(VILLAGE, BATCH - 1 + 1000))
    ran = await cakupan_coverage(stack, "rebuild")
    assert ran.code == 0, ran.said
    assert f"generation 1 is live; {stream.sent} changes in " in ran.said
    await eventually(lambda: replica.counts(VILLAGE, BATCH - 1))
    last = await eventually(lambda: _published_of(stack, VILLAGE, BATCH - 1, after=len(before)))
    assert last is not None
    assert last.position >= before[-1].position
    assert (await cakupan_coverage(stack, "rebuild", "--status", "--drop-old")).code == 2
