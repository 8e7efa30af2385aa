"""One suite for the registry's ports, on the fakes and on MongoDB, with expectations written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from bson import ObjectId

from services.registry.audit.mongo import MongoAudit
from services.registry.domain.facts import Correction, Link
from services.registry.domain.ledger import entries
from services.registry.domain.participant import Participant, decide
from services.registry.identity.ports import Holders, Keyed, Layers
from services.registry.intake.mongo.store import MongoStore, due_by
from services.registry.intake.ports import GroupWrite, KnownFact, Slot, Store, Transaction
from services.registry.relay.clock import DueStore
from services.registry.relay.mongo import MongoOutbox
from services.registry.relay.ports import Backlog, Outbox
from shared.adapters.kafka_producer import partition_for
from shared.adapters.mongo import Mongo
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease
from tests.factories_registry import VILLAGE, at, enrolled
from tests.fakes_registry import MemoryOutbox, MemoryStore

NOW = at("2026-11-21T10:00:00.123+07:00")
TTL = timedelta(seconds=5)
PARTITION = partition_for(VILLAGE[:5], PARTITIONS)


@dataclass
class Ports:
    """A store and the outbox over it."""

    store: DueStore
    outbox: Outbox


@pytest.fixture(params=["fake", "real"])
def address(request: pytest.FixtureRequest) -> str | None:
    """Where the real ports' MongoDB is; None for the fakes, which then need no server."""
    return None if request.param == "fake" else request.getfixturevalue("mongodb_uri")


@pytest.fixture
async def ports(address: str | None, namespace: str) -> AsyncIterator[Ports]:
    """The same ports twice."""
    if address is None:
        memory = MemoryStore()
        yield Ports(memory, MemoryOutbox(memory))
        return
    mongo = Mongo(address, f"{namespace.replace('.', '_')}registry", "registry-0")
    store, outbox = MongoStore(mongo), MongoOutbox(mongo)
    await store.prepare()
    await outbox.prepare()
    yield Ports(store, outbox)
    mongo.close()


def group(person: str = "p1", id_: str = "f-1") -> GroupWrite:
    """Return what one new person's enrolment writes."""
    fact = enrolled(id_, paid_through="2026-12", holder=person)
    participant, deltas = decide(Participant(person), [fact], (), NOW)
    return GroupWrite(
        participants=[participant],
        new=[person],
        gone=(),
        moved={},
        entries=list(entries(person, deltas, NOW, b"secret")),
        recorded_at=NOW,
        traceparent="00-trace",
        slots={fact.key: Slot(KnownFact(b"digest", "enrolled", fact.effective_at, (person,)))},
        new_slots=[fact.key],
        identities=[Keyed(person.encode(), person, "k1")],
    )


EMPTY = GroupWrite([], (), (), {}, [], NOW, "00-trace")


async def write(store: Store, written: GroupWrite) -> None:
    """Write one group in a transaction of its own."""

    async def work(transaction: Transaction) -> None:
        await transaction.write(written)

    await store.transact(work)


async def lease(outbox: Outbox, holder: str = "one") -> dict[int, Lease]:
    """Return the lease on the partition that the factory's village belongs to."""
    held = await outbox.acquire(str(PARTITION), holder, NOW, TTL)
    assert held is not None
    return {PARTITION: held}


async def test_what_was_written_is_read_back(ports: Ports) -> None:
    """Facts by key, persons by identity, participants whole."""
    written = group()
    await write(ports.store, written)

    async def work(transaction: Transaction) -> None:
        assert await transaction.slots([("bpjs/aceh", "f-1"), ("bpjs/ace", "hf-1")]) == written.slots
        assert await transaction.holders([b"p1", b"p2"]) == Holders({b"p1": "p1"}, Layers())
        assert await transaction.participants(["p1", "p2"]) == list(written.participants)

    await ports.store.transact(work)


async def test_corrections_are_kept_with_the_fact_they_correct(ports: Ports) -> None:
    """Whether that fact has arrived or not; void ones, and those with a fact or a link in its place."""
    at_noon = at("2026-03-01T12:00:00+07:00")
    of_first = (
        Correction(at_noon, "bpjs/aceh", "c1", "f-1", "enrolled", None),
        Correction(at_noon, "bpjs/aceh", "c2", "f-1", "enrolled", enrolled("f-1", groups=("non_asn",)), timed=True),
    )
    link = Link(at_noon, "bpjs/aceh", "f-2", "p1", "p2")
    of_second = (Correction(at_noon, "bpjs/aceh", "c3", "f-2", "linked", link),)
    first, second = ("bpjs/aceh", "f-1"), ("bpjs/aceh", "f-2")
    written = group()
    slots = {first: Slot(written.slots[first].fact, of_first), second: Slot(None, of_second)}
    await write(ports.store, written)
    await write(ports.store, replace(EMPTY, slots=slots, new_slots=[second]))

    async def work(transaction: Transaction) -> None:
        assert await transaction.slots([first, second, ("dinas/aceh", "f-1")]) == slots

    await ports.store.transact(work)


async def test_a_moved_holder_is_found_with_its_person_until_it_moves_back(ports: Ports) -> None:
    """And a participant with nothing left is gone."""
    await write(ports.store, group("p1", "f-1"))
    await write(ports.store, replace(group("p2", "f-2"), moved={"p2": "p1"}))
    await write(ports.store, replace(EMPTY, gone=["p2"]))

    async def found(holder: str) -> list[str]:
        async def work(transaction: Transaction) -> list[str]:
            return [person.id for person in await transaction.participants([holder])]

        return await ports.store.transact(work)

    assert await found("p2") == ["p1"]
    await write(ports.store, replace(EMPTY, moved={"p2": "p2"}))
    assert await found("p2") == []


async def test_those_due_are_found_longest_due_first(ports: Ports) -> None:
    """Up to the instant asked for, and no more than asked for."""
    for person, paid_through in (("late", "2027-03"), ("early", "2026-12"), ("middle", "2027-01")):
        participant, _ = decide(Participant(person), [enrolled(person, paid_through=paid_through)], (), NOW)
        await write(ports.store, replace(group(person, person), participants=[participant], entries=[]))
    by = at("2027-05-01T00:00:00+07:00")
    assert await ports.store.due(by, 10) == ["early", "middle"]
    assert await ports.store.due(by, 1) == ["early"]
    assert await ports.store.due(NOW, 10) == []


async def test_who_is_due_is_found_by_the_index(mongodb_uri: str, namespace: str) -> None:
    """MongoDB uses a partial index only where the query says as much as the index; else it reads everybody."""
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}registry", "registry-0")
    await MongoStore(mongo).prepare()
    plan = await mongo["participants"].find(due_by(NOW), {"_id": 1}).sort("due_at", 1).limit(10).explain()
    mongo.close()
    assert "IXSCAN" in repr(plan["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in repr(plan["queryPlanner"]["winningPlan"])


async def test_a_fence_stands_behind_each_partition_of_the_outbox_and_is_no_entry(
    mongodb_uri: str, namespace: str
) -> None:
    """A second start makes no more of them, and they are no changes that wait."""
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}registry", "registry-0")
    outbox = MongoOutbox(mongo)
    await MongoStore(mongo).prepare()
    for _ in range(2):
        await outbox.prepare()
    found = await mongo["outbox"].find().sort("partition", 1).to_list(None)
    backlog = await outbox.backlog()
    async with MongoAudit(mongo).snapshot() as snapshot:
        waiting = [entry async for entry in snapshot.waiting()]
    mongo.close()
    assert [fence["partition"] for fence in found] == [partition + 0.5 for partition in range(PARTITIONS)]
    assert (backlog, waiting) == (Backlog(0, None), [])


async def test_a_transaction_that_raises_writes_nothing(ports: Ports) -> None:
    """All or nothing."""

    async def work(transaction: Transaction) -> None:
        await transaction.write(group())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ports.store.transact(work)

    async def look(transaction: Transaction) -> None:
        assert await transaction.slots([("bpjs/aceh", "f-1")]) == {}

    await ports.store.transact(look)
    assert (await ports.outbox.backlog()).changes == 0


async def test_waiting_changes_get_contiguous_numbers_and_leave_the_backlog_once_published(ports: Ports) -> None:
    """From 0, over several rounds."""
    await write(ports.store, group("p1", "f-1"))
    await write(ports.store, group("p2", "f-2"))
    backlog = await ports.outbox.backlog()
    assert (backlog.changes, backlog.oldest_recorded_at) == (2, NOW)
    leases = await lease(ports.outbox)
    (first,) = await ports.outbox.number(leases, 1)
    (second,) = await ports.outbox.number(leases, 10)
    assert (first.first_seq, len(first.changes), second.first_seq, len(second.changes)) == (0, 1, 1, 1)
    assert first.keys == ["11.01"]
    assert first.changes[0].startswith('"diff":1,"change_id":"')
    assert await ports.outbox.number(leases, 10) == []
    assert await ports.outbox.backlog() == Backlog(2, NOW), "numbered ones wait as well"
    await ports.outbox.mark_published(leases, [first, second])
    assert await ports.outbox.backlog() == Backlog(0, None)


async def test_numbered_and_unpublished_batches_are_found_again_as_they_were(ports: Ports) -> None:
    """The successor publishes the same records under the same numbers."""
    await write(ports.store, group("p1", "f-1"))
    leases = await lease(ports.outbox)
    numbered = await ports.outbox.number(leases, 10)
    assert await ports.outbox.unpublished(PARTITION) == numbered
    await ports.outbox.mark_published(leases, numbered)
    assert await ports.outbox.unpublished(PARTITION) == []


async def test_a_partition_that_is_not_held_is_left_alone(ports: Ports) -> None:
    """Only leased partitions are numbered."""
    await write(ports.store, group())
    other = (PARTITION + 1) % PARTITIONS
    held = await ports.outbox.acquire(str(other), "one", NOW, TTL)
    assert held is not None
    assert await ports.outbox.number({other: held}, 10) == []


async def test_a_lease_is_held_by_one_until_it_runs_out_or_is_freed(ports: Ports) -> None:
    """Renewal keeps the token, a new holder gets a greater one."""
    first = (await lease(ports.outbox))[PARTITION]
    assert await ports.outbox.acquire(str(PARTITION), "two", NOW, TTL) is None
    renewed = await ports.outbox.acquire(str(PARTITION), "one", NOW + TTL / 2, TTL)
    assert renewed is not None
    assert (renewed.token, renewed.expires_at) == (first.token, NOW + TTL / 2 + TTL)
    taken = await ports.outbox.acquire(str(PARTITION), "two", NOW + TTL * 2, TTL)
    assert taken is not None
    assert taken.token > first.token
    await ports.outbox.release(first, "one")
    assert await ports.outbox.acquire(str(PARTITION), "three", NOW + TTL * 2, TTL) is None
    await ports.outbox.release(taken, "two")
    assert await ports.outbox.acquire(str(PARTITION), "three", NOW + TTL * 2, TTL) is not None


@pytest.mark.parametrize("step", ["number", "mark"])
async def test_a_fenced_holder_can_neither_number_nor_mark(ports: Ports, step: str) -> None:
    """Its token is no longer the newest."""
    await write(ports.store, group("p1", "f-1"))
    old = await lease(ports.outbox)
    numbered = await ports.outbox.number(old, 10)
    assert await ports.outbox.acquire(str(PARTITION), "two", NOW + TTL * 2, TTL) is not None
    await write(ports.store, group("p2", "f-2"))
    attempts: dict[str, Callable[[], object]] = {
        "number": lambda: ports.outbox.number(old, 10),
        "mark": lambda: ports.outbox.mark_published(old, numbered),
    }
    with pytest.raises(FencedError):
        await attempts[step]()  # type: ignore[misc]


async def test_those_present_are_those_whose_time_has_not_run_out(ports: Ports) -> None:
    """So that a fair share can be reckoned."""
    await ports.outbox.announce("one", NOW, TTL)
    assert await ports.outbox.announce("two", NOW + TTL / 2, TTL) == {"one", "two"}
    assert await ports.outbox.announce("two", NOW + TTL, TTL) == {"two"}
    await ports.outbox.withdraw("two")
    assert await ports.outbox.announce("three", NOW + TTL, TTL) == {"three"}


async def test_changes_are_numbered_in_the_order_of_their_commits(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ids their entries have: those of two replicas are in no order, and one may take back the other's."""
    ids = iter([ObjectId("f" * 24), ObjectId("0" * 24)])
    monkeypatch.setattr("services.registry.intake.mongo.store.ObjectId", lambda: next(ids))
    await write(ports.store, group("p1", "f-1"))
    await write(ports.store, group("p2", "f-2"))
    (batch,) = await ports.outbox.number(await lease(ports.outbox), 100)
    assert [change.split('"')[5] for change in batch.changes] == [
        entry.change.change_id for person in ("p1", "p2") for entry in group(person).entries
    ]
