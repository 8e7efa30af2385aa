"""One suite for the audit's ports, on the fakes and on MongoDB and Kafka, with expectations written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.registry.audit.kafka import KafkaReplayTopic
from services.registry.audit.mongo import MongoAudit
from services.registry.audit.ports import Audit, Last, Manifest, Numbers, ReplayTopic
from services.registry.domain.ledger import entries
from services.registry.domain.participant import Participant, decide
from services.registry.intake.mongo.store import MongoStore
from services.registry.intake.ports import GroupWrite, KnownFact, Slot, Transaction
from services.registry.relay.clock import DueStore
from services.registry.relay.mongo import MongoOutbox
from services.registry.relay.ports import Batch, Outbox
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer, partition_for
from shared.adapters.mongo import Mongo
from shared.contracts.topics import CHANGES, PARTITIONS, Topic
from shared.runtime.errors import PermanentError
from tests.factories_registry import VILLAGE, at, enrolled
from tests.fakes_audit import MemoryAudit, MemoryReplayTopic
from tests.fakes_registry import MemoryOutbox, MemoryStore

NOW = at("2026-11-21T10:00:00.123+07:00")
PARTITION = partition_for(VILLAGE[:5], PARTITIONS)


@dataclass
class Ports:
    """A registry's store and outbox, and the audit over them."""

    store: DueStore
    outbox: Outbox
    audit: Audit

    async def enrol(self, person: str, *, moved: dict[str, str] | None = None) -> None:
        """Commit the enrolment of a new person."""
        fact = enrolled(f"f-{person}", holder=person)
        participant, deltas = decide(Participant(person), [fact], (), NOW)
        group = GroupWrite(
            participants=[participant], new=[person], gone=(), moved=moved or {},
            entries=list(entries(person, deltas, NOW, b"secret")), recorded_at=NOW, traceparent=f"00-{person}",
            slots={fact.key: Slot(KnownFact(b"digest", "enrolled", fact.effective_at, (person,)))},
            new_slots=[fact.key],
        )  # fmt: skip

        async def work(transaction: Transaction) -> None:
            await transaction.write(group)

        await self.store.transact(work)

    async def number(self) -> None:
        """Give what waits its numbers."""
        lease = await self.outbox.acquire(str(PARTITION), "one", NOW, timedelta(seconds=5))
        assert lease is not None
        await self.outbox.number({PARTITION: lease}, 100)

    async def manifests(self, from_seq: int = 0) -> list[Manifest]:
        """Return the manifests of the factory's partition."""
        return [manifest async for manifest in self.audit.numbered().manifests(PARTITION, from_seq)]


@pytest.fixture(params=["fake", "real"])
def servers_of(request: pytest.FixtureRequest) -> tuple[str, str] | None:
    """Where the real ports' Kafka and MongoDB are; None for the fakes, which then need no server."""
    if request.param == "fake":
        return None
    return request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("mongodb_uri")


@pytest.fixture
async def ports(servers_of: tuple[str, str] | None, namespace: str) -> AsyncIterator[Ports]:
    """The same ports twice."""
    if servers_of is None:
        memory = MemoryStore()
        waiting = MemoryOutbox(memory)
        yield Ports(memory, waiting, MemoryAudit(memory, waiting))
        return
    mongo = Mongo(servers_of[1], f"{namespace.replace('.', '_')}registry", "registry-0")
    store, outbox = MongoStore(mongo), MongoOutbox(mongo)
    await store.prepare()
    await outbox.prepare()
    yield Ports(store, outbox, MongoAudit(mongo))
    mongo.close()


async def test_manifests_come_in_order_with_their_entries(ports: Ports) -> None:
    """Each with the numbers it gave; from a number on, the one that holds it is the first."""
    for person in ("a", "b", "c"):
        await ports.enrol(person)
        await ports.number()
    first, second, third = await ports.manifests()
    assert [(one.first_seq, one.count) for one in (first, second, third)] == [(0, 1), (1, 1), (2, 1)]
    assert [one.names for one in (first, second, third)] == [[e.id for e in m.entries] for m in (first, second, third)]
    (entry,) = second.entries
    assert (entry.partition, entry.persons, entry.keys, entry.traceparent) == (PARTITION, ["b"], ["11.01"], "00-b")
    assert '"kind":"joined"' in entry.changes[0]
    assert await ports.manifests(from_seq=1) == [second, third]
    numbers = await ports.audit.numbered().numbers()
    assert numbers[PARTITION] == Numbers(next_seq=3, published=0)
    assert len(numbers) == PARTITIONS


async def test_a_snapshot_stays_as_it_was_while_others_write(ports: Ports) -> None:
    """Whatever is committed after it began is not in it."""
    await ports.enrol("a", moved={"a2": "a"})
    await ports.number()
    await ports.enrol("b")
    async with ports.audit.snapshot() as snapshot:
        assert (await snapshot.numbers())[PARTITION].next_seq == 1
        await ports.number()
        await ports.enrol("c", moved={"c2": "c"})
        assert [person.id async for person in snapshot.participants()] == ["a", "b"]
        assert [fact async for fact in snapshot.facts_that_count()] == [
            (("bpjs/aceh", "f-a"), ("a",)), (("bpjs/aceh", "f-b"), ("b",)),
        ]  # fmt: skip
        assert [holder async for holder in snapshot.moved()] == [("a2", "a")]
        (waiting,) = [one async for one in snapshot.waiting()]
        assert waiting.entry is not None
        assert (waiting.partition, waiting.count, waiting.entry.persons) == (PARTITION, 1, ["b"])
        assert len([name async for name in snapshot.ledger()]) == 2


async def test_those_who_relay_are_known_until_their_time_runs_out(ports: Ports) -> None:
    """A replay to their topic waits for that."""
    await ports.outbox.announce("registry-0", NOW, timedelta(seconds=5))
    assert await ports.audit.relays(NOW) == {"registry-0"}
    assert await ports.audit.relays(NOW + timedelta(seconds=5)) == frozenset()


@pytest.fixture
async def topic(servers_of: tuple[str, str] | None, namespace: str) -> AsyncIterator[ReplayTopic]:
    """An empty topic, twice."""
    if servers_of is None:
        yield MemoryReplayTopic()
        return
    bootstrap, changes = servers_of[0], CHANGES.under(namespace)
    await ensure_topics(KafkaAccess(bootstrap), [changes])
    producer = Producer(KafkaAccess(bootstrap), client_id="replay")
    yield KafkaReplayTopic(KafkaAccess(bootstrap), producer, changes.name)
    await producer.stop()


CHANGE = (
    '"diff":1,"change_id":"ab","kind":"joined","effective_at":"2026-01-10T01:00:00Z","effective_day":"2026-01-10",'
    '"recorded_at":"2026-11-21T03:00:00Z","source":"bpjs/aceh","counterpart":null,"before":null,"after":null}'
)


async def test_a_topic_tells_its_last_records(topic: ReplayTopic) -> None:
    """Of each partition that has any."""
    assert await topic.last() == dict.fromkeys(range(PARTITIONS))
    await topic.publish([Batch(4, 0, ['"diff":0}', CHANGE], ["11.01"] * 2, ["00-a"] * 2)])
    assert {partition: last for partition, last in (await topic.last()).items() if last} == {4: Last(1, CHANGE)}
    assert await topic.ends([3, 4]) == {3: 0, 4: 2}


async def test_a_topic_that_cannot_take_the_ledger_is_refused(kafka_bootstrap: str, namespace: str) -> None:
    """One that is not there (and is not created by asking), has too few partitions, or holds something else."""
    producer = Producer(KafkaAccess(kafka_bootstrap), client_id="replay")
    small = Topic(f"{namespace}small", key="regency code", partitions=2)
    other = Topic(f"{namespace}other", key="regency code")
    await ensure_topics(KafkaAccess(kafka_bootstrap), [small, other])
    await KafkaReplayTopic(KafkaAccess(kafka_bootstrap), producer, other.name).publish(
        [Batch(0, 0, ["0}"], ["11.01"], ["00-a"])]
    )
    for name, said in ((f"{namespace}none", "not there"), (small.name, "2 partitions"), (other.name, "is no change")):
        with pytest.raises(PermanentError, match=said):
            await KafkaReplayTopic(KafkaAccess(kafka_bootstrap), producer, name).last()
    await producer.stop()
