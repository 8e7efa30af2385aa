"""The background proof: one replica at a time, little by little, shown by all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from services.coverage.proof import background
from services.coverage.proof.background import EVERY, LEASE_FOR, BackgroundVerifier
from services.coverage.proof.domain.recount import Difference
from services.coverage.proof.metrics import ProofMetrics
from services.coverage.proof.ports import Passed, Proof
from services.coverage.proof.verify import Compared, Judge, Verifier
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError, TransientError
from tests.factories_coverage import VILLAGE, partition
from tests.fakes import ManualClock
from tests.fakes_proof import MemoryLeases, MemoryProofs

P = partition()


class Shown(ProofMetrics):
    """Metrics that keep all they have shown."""

    def __init__(self) -> None:
        super().__init__(CollectorRegistry())
        self.proofs: list[Proof] = []

    def show(self, proof: Proof) -> None:
        """See `ProofMetrics`."""
        self.proofs.append(proof)
        super().show(proof)


class Scripted(Verifier):
    """Finds in a partition what the world says, in one piece of work."""

    def __init__(self, world: World, judge: Judge) -> None:
        self.compared = Compared()
        self._world = world
        self._judge = judge

    async def pieces(self, partition: int) -> AsyncGenerator[int]:
        """See `Verifier`."""
        if partition == P:
            for measure in self._world.measures:
                self._judge(Difference(VILLAGE, measure, 5, 0, P, 5))
            self.compared.position = 5
            self.compared.unread += self._world.unread
        yield 1


class World:
    """What replicas share, and what there is to be found in one partition."""

    def __init__(self) -> None:
        self.measures: list[str] = []
        self.unread: list[str] = []
        self.leases, self.proofs, self.clock = MemoryLeases(), MemoryProofs(), ManualClock()
        self.slept: list[float] = []
        self.metrics = Shown()

    async def sleep(self, seconds: float) -> None:
        """Pass the time by hand."""
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    def verifier(self, holder: str = "one") -> BackgroundVerifier:
        """Return a replica's."""
        return BackgroundVerifier(
            partial(Scripted, self), self.proofs, self.leases, holder, self.clock, self.metrics, self.sleep
        )


@pytest.fixture
def world() -> World:
    """A world in which all agrees."""
    return World()


async def test_a_pass_goes_through_all_partitions(world: World) -> None:
    """Then the proof says when it ended, that all agreed, and up to which position; and the next pass begins."""
    verifier = world.verifier()
    for at in range(PARTITIONS):
        assert (world.proofs.proof.partition, world.proofs.proof.last) == (at, None)
        await verifier.verify_next()
    assert world.proofs.proof == Proof(last=Passed(world.clock.now(), 0, 5, with_topic=True))
    assert world.metrics.proofs[-1] == world.proofs.proof


async def test_after_each_piece_it_rests_a_hundred_times_as_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In slices between which the lease is kept."""
    now = iter(range(1000))
    monkeypatch.setattr(background, "perf_counter", lambda: next(now))
    world.proofs.proof = Proof(partition=P)
    await world.verifier().verify_next()
    assert sum(world.slept) > 0
    assert max(world.slept) <= 10 < LEASE_FOR.total_seconds()
    assert sum(world.slept) % background.REST == 0, "each piece took a second"


async def test_one_replica_proves_and_the_others_show_it(world: World) -> None:
    """Until its lease runs out; then another goes on where it stood."""
    first, second = world.verifier("one"), world.verifier("two")
    await first.verify_next()
    await second.verify_next()
    assert world.proofs.proof.partition == 1
    world.clock.advance(LEASE_FOR + timedelta(seconds=1))
    await second.verify_next()
    assert world.proofs.proof.partition == 2


async def test_one_that_was_overtaken_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its finding may be old."""
    world.proofs.proof = Proof(partition=P)
    now = iter(range(1000))
    monkeypatch.setattr(background, "perf_counter", lambda: next(now))

    async def frozen(seconds: float) -> None:
        world.clock.advance(LEASE_FOR * 2)
        await world.leases.acquire(background.JOB, "two", world.clock.now(), LEASE_FOR)

    world.sleep = frozen  # type: ignore[method-assign]
    with pytest.raises(FencedError):
        await world.verifier().verify_next()
    assert world.proofs.proof == Proof(partition=P)


async def test_differences_show_at_once_and_until_a_pass_is_clean(world: World) -> None:
    """While the pass goes on, and after it."""
    world.measures = ["registered", "active"]
    world.proofs.proof = Proof(partition=P)
    verifier = world.verifier()
    await verifier.verify_next()
    assert world.proofs.proof.differences == 2
    assert Proof(partition=P, differences=1) in world.metrics.proofs
    world.proofs.proof = replace(world.proofs.proof, partition=PARTITIONS - 1)
    await verifier.verify_next()
    assert world.proofs.proof.last is not None
    assert world.proofs.proof.last.differences == 2
    world.measures = []
    for _ in range(PARTITIONS):
        await verifier.verify_next()
    assert world.proofs.proof.last.differences == 0


async def test_a_topic_without_its_beginning_is_reported(world: World) -> None:
    """The rest of the proof stands; it says that it is without the topic."""
    world.unread = ["its beginning was deleted"]
    verifier = world.verifier()
    for _ in range(PARTITIONS):
        await verifier.verify_next()
    assert world.proofs.proof.last == Passed(world.clock.now(), 0, 5, with_topic=False)


async def test_trouble_does_not_end_it_and_its_end_frees_the_job(world: World) -> None:
    """Nor does a defect; another replica need not wait for the lease to run out."""
    errors = [TransientError("away"), KeyError("a defect")]

    async def sleep(seconds: float) -> None:
        assert seconds == EVERY.total_seconds()
        if not errors:
            raise StopAsyncIteration

    async def read() -> Proof:
        if errors:
            raise errors.pop()
        return Proof()

    world.sleep = sleep  # type: ignore[method-assign]
    world.proofs.read = read  # type: ignore[method-assign]
    world.leases.holder = None
    with pytest.raises(StopAsyncIteration):
        await world.verifier().run()
    assert world.leases.holder is None
