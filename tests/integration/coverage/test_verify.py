"""`cakupan-coverage verify` on real Kafka and MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from prometheus_client import CollectorRegistry

from services.coverage.app import changes_of
from services.coverage.counting.domain.counters import Tally
from services.coverage.proof.background import BackgroundVerifier
from services.coverage.proof.metrics import ProofMetrics
from services.coverage.proof.mongo.counted import MongoCounted
from services.coverage.proof.mongo.proofs import MongoProofs
from services.coverage.proof.ports import Passed, Proof
from services.coverage.proof.verify import Verifier
from shared.adapters.mongo import Mongo
from shared.adapters.mongo_leases import MongoLeases
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.runtime.clock import SystemClock
from tests.factories_coverage import (
    NEIGHBOUR,
    OTHER_PROVINCE,
    OTHER_REGENCY,
    TODAY,
    VILLAGE,
    change,
    counted_too,
    joined,
    partition,
    state,
    value,
)
from tests.fakes import ManualClock
from tests.integration.coverage.commands import cakupan_coverage
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

P = partition()
MINE = [
    change(0, effective_day=datetime.now(UTC).date()),
    *joined(4, first=1),
    change(5, after=state(NEIGHBOUR, active=False), effective_day=TODAY - timedelta(days=300)),
    change(6, "moved", before=state(), after=None, counterpart=OTHER_REGENCY),
    change(7, "moved", before=state(), after=state("11.01")),
]
OTHERS = joined(3, OTHER_PROVINCE)


@pytest.fixture
async def mongo(stack: Stack) -> AsyncIterator[Mongo]:
    """The stack's database."""
    settings = stack.settings()
    mongo = Mongo(settings.mongodb_uri, settings.database("coverage"), "test")
    yield mongo
    mongo.close()


@pytest.fixture
async def counted(stack: Stack, replica: Replica) -> list[Change]:
    """Changes that have been counted, with records between them that are none, or were there before."""
    await stack.publish(MINE[:4])
    await stack.put([(VILLAGE, b"no change"), (VILLAGE, None)])
    await stack.publish([*MINE[2:4], *MINE[4:], *OTHERS])

    async def all_counted() -> bool:
        return await replica.counts("ID", 8) and (await replica.region("11.01"))["unplaced"]["registered"] == 1

    await eventually(all_counted)
    return [*MINE, *OTHERS]


async def test_all_agrees_on_a_service_that_runs(stack: Stack, counted: list[Change], tmp_path: Path) -> None:
    """Pages, sums, the topic, and a dump of the ledger that is a little old."""
    by_place = sorted(counted[:-1], key=lambda one: partition((one.after or one.before or state()).region))
    (tmp_path / "ledger").write_bytes(b"".join(value(one) + b"\n" for one in by_place))
    ran = await cakupan_coverage(stack, "verify", "--ledger", str(tmp_path / "ledger"))
    assert (ran.code, ran.said.count("changes of partition")) == (0, 12)
    assert f"{2 * len(counted)} changes" in ran.said


async def test_what_was_spoilt_is_named(stack: Stack, counted: list[Change], mongo: Mongo) -> None:
    """Region, measure, expected and found, partition and seq; exit code 1."""
    await mongo["counters"].update_one({"_id": f"11.01 {P}"}, counted_too("-", Tally(placed_here=2)))
    ran = await cakupan_coverage(stack, "verify")
    assert ran.code == 1, ran.said
    assert f"difference: 11.01, unplaced (partition {P}, counted up to seq 8): expected 1, found 3" in ran.said


async def test_the_background_proof_is_shown_in_provenance(
    stack: Stack, counted: list[Change], mongo: Mongo, replica: Replica
) -> None:
    """All replicas show what one found: when, whether all agreed, up to which position."""
    new_verifier = partial(Verifier, MongoCounted(mongo), [changes_of(stack.settings())], SystemClock())
    # Two minutes ahead: the replica's own lease has run out, and it leaves the proof to this one.
    clock, proofs = ManualClock(SystemClock().now() + timedelta(minutes=2)), MongoProofs(mongo)
    metrics = ProofMetrics(CollectorRegistry())
    verifier = BackgroundVerifier(new_verifier, proofs, MongoLeases(mongo), "test", clock, metrics, _at_once)
    await mongo["counters"].update_one({"_id": f"11.01 {P}"}, counted_too("-", Tally(placed_here=2)))
    await verifier.verify_next()
    await proofs.write(Proof())
    while (proof := await proofs.read()).last is None:
        await verifier.verify_next()
    assert proof.last == Passed(proof.last.at, 2, len(counted), with_topic=True)
    origins = (await replica.http.get("/v1/regions/11/provenance", headers=replica.headers)).json()
    last = origins["last_verify"]
    assert (last["agreed"], last["differences"], last["position"]) == (False, 2, len(counted))


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


async def test_a_deleted_beginning_has_an_exit_code_of_its_own(stack: Stack, counted: list[Change]) -> None:
    """The counters agree with each other; with the topic nothing can be compared."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    place = TopicPartition(topics.CHANGES.under(stack.namespace).name, P)
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=3)})
    finally:
        await admin.close()
    ran = await cakupan_coverage(stack, "verify")
    assert ran.code == 3
    assert f"partition {P} of the topic begins with seq 3" in ran.said
    assert (await cakupan_coverage(stack, "verify", "--no-topic")).code == 0


async def test_a_dump_that_is_none_is_refused(stack: Stack, counted: list[Change], tmp_path: Path) -> None:
    """Naming the line and how to write it."""
    (tmp_path / "ledger").write_bytes(b"{}\n")
    ran = await cakupan_coverage(stack, "verify", "--ledger", str(tmp_path / "ledger"))
    assert ran.code == 2
    assert "line 1 of the dump is no change" in ran.said
    lines = [value(one) + b"\n" for one in sorted(counted, key=lambda one: -partition((one.after or state()).region))]
    (tmp_path / "ledger").write_bytes(b"".join(lines))
    ran = await cakupan_coverage(stack, "verify", "--ledger", str(tmp_path / "ledger"))
    assert ran.code == 2
    assert "it is not in order" in ran.said
