"""The least that must be done: the same documents in one transaction, the same records to the topic, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from bson import ObjectId, Timestamp
from pymongo import ReplaceOne

from benchmarks.registry.facts import facts
from services.registry.domain.facts import Fact
from services.registry.domain.people import regroup
from services.registry.intake.deciding import decided
from services.registry.intake.mongo.documents import participant_document
from services.registry.intake.mongo.store import ledger_documents, outbox_documents
from services.registry.intake.parsing import Parser
from services.registry.intake.ports import GroupWrite
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import partition_for
from shared.adapters.mongo import Document, Mongo, Session
from shared.contracts.topics import PARTITIONS, Topic
from shared.regions.catalogue import catalogue

GROUP: Final = 1000
_TOPIC: Final = Topic("benchmark.bare", key="regency code")
_TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Bare:
    """One group's documents, as the registry itself makes them for enrolments of new people."""

    participants: Sequence[Document]
    ledger: Sequence[Document]

    def renamed(self, name: str) -> Bare:
        """Return the documents under other ids."""
        ledger = [document | {"_id": ObjectId()} for document in self.ledger]
        return Bare([document | {"_id": f"{name}{document['_id']}"} for document in self.participants], ledger)


def group_write(run: str, count: int = GROUP, first: int = 0) -> GroupWrite:
    """Return what one group commit of enrolments writes."""
    parser, sent = Parser(catalogue(), b"benchmark"), list(facts(count, run=run, first=first))
    # After the facts: what is effective only later is not in the ledger yet.
    now = datetime.now(UTC)
    parsed = [parser.parse(raw, now).parsed for raw in sent]
    people = [_of(fact, f"{run}{number:025d}") for number, fact in enumerate(parsed, first)]
    return decided(regroup((), (), people), now=now, secret=b"benchmark", traceparent=_TRACE)


def _of(said: Any, holder: str) -> Fact:
    assert isinstance(said, Fact)
    return Fact(**{name: getattr(said, name) for name in said.__slots__} | {"holder": holder})


@cache
def documents(run: str, count: int = GROUP) -> Bare:
    """Return a group's documents."""
    write = group_write(run, count)
    return Bare([participant_document(participant) for participant in write.participants], ledger_documents(write))


async def transact(mongo: Mongo, group: Bare, *, replace: bool = False) -> None:
    """Read the participants, write participants and ledger, in one transaction."""
    ids = [document["_id"] for document in group.participants]

    async def work(session: Session) -> None:
        await mongo["participants"].find({"_id": {"$in": ids}}, session=session).to_list(None)
        if replace:
            puts = [ReplaceOne({"_id": document["_id"]}, document) for document in group.participants]
            await mongo["participants"].bulk_write(puts, ordered=False, session=session)
        else:
            await mongo["participants"].insert_many(group.participants, ordered=False, session=session)
        await mongo["ledger"].insert_many(group.ledger, session=session)

    await mongo.transact(work)


async def transactions(mongo: Mongo, groups: int) -> tuple[float, float]:
    """Return how many facts a second the bare transaction takes in, and how many it changes.

    Units: facts a second; first of new people, then of the same people again.
    """
    await mongo.create(["participants", "ledger"])
    group = documents("bare")
    made = [group.renamed(f"{number}-") for number in range(groups)]
    await transact(mongo, documents("warm"))
    first = await _rate(groups, lambda at: transact(mongo, made[at]))
    again = [Bare(group.participants, group.renamed("").ledger) for group in made]
    return first, await _rate(groups, lambda at: transact(mongo, again[at], replace=True))


async def _rate(groups: int, one: Callable[[int], Any]) -> float:
    began = perf_counter()
    for at in range(groups):
        await one(at)
    return groups * GROUP / (perf_counter() - began)


async def produced(bootstrap: str, namespace: str, count: int) -> tuple[float, float]:
    """Return how many records a second a bare idempotent producer sends, to partitions computed beforehand.

    Units: records a second; first one by one, then in batches built by the sender.
    """
    topic = _TOPIC.under(namespace)
    await ensure_topics(KafkaAccess(bootstrap), [topic])
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=128 * 1024
    )
    await producer.start()
    try:
        sent = list(_records(count))
        began = perf_counter()
        pending = [await producer.send(topic.name, value, key=key, partition=at) for at, key, value in sent]
        await asyncio.gather(*pending)
        one_by_one = perf_counter()
        pending = [await one async for one in _batches(producer, topic.name, sent)]
        await asyncio.gather(*pending)
        return count / (one_by_one - began), count / (perf_counter() - one_by_one)
    finally:
        await producer.stop()


async def _batches(
    producer: AIOKafkaProducer, topic: str, sent: Sequence[tuple[int, bytes, bytes]]
) -> AsyncIterator[Awaitable[asyncio.Future[Any]]]:
    by_partition: dict[int, list[tuple[bytes, bytes]]] = {}
    for at, key, value in sent:
        by_partition.setdefault(at, []).append((key, value))
    for at, records in by_partition.items():
        batch = producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                yield producer.send_batch(batch, topic, partition=at)
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        yield producer.send_batch(batch, topic, partition=at)


def _records(count: int) -> Iterator[tuple[int, bytes, bytes]]:
    ledger = ledger_documents(group_write("records"))
    rows = [row for document in ledger for row in zip(document["keys"], document["changes"], strict=True)]
    for number in range(count):
        key, change = rows[number % len(rows)]
        yield partition_for(key, PARTITIONS), key.encode(), f'{{"seq":{number},{change}'.encode()


async def fill_outbox(mongo: Mongo, changes: int) -> None:
    """Put a backlog into ledger and outbox, as group commits of a thousand facts leave it."""
    write = group_write("backlog")
    for run in range(changes // GROUP):
        ledger = ledger_documents(write)
        await mongo["ledger"].insert_many(ledger)
        await mongo["outbox"].insert_many(outbox_documents(ledger, Timestamp(0, run)))
