"""Participants and ledger in MongoDB.

Collections: `participants` (person → facts), `identities` (keyed hash → holder; also the keyring), `moved` (holder →
person, where that is another), `facts` ((source, id) → digest, whose it is now, and the corrections of it), `ledger`
(the changes one commit made for one partition; immutable), `outbox` (ledger entries without numbers yet), `erasures`
(who was erased, when, at whose word; immutable).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from bson import ObjectId, Timestamp
from pymongo import DeleteOne, InsertOne, ReplaceOne

from services.registry.domain.facts import FactKey
from services.registry.domain.ledger import UNNUMBERED, Entry
from services.registry.domain.participant import Participant
from services.registry.identity.mongo import erasure as mongo_erasure
from services.registry.identity.mongo.keyring import KEYRING, layers_of
from services.registry.identity.ports import Erasure, Holders
from services.registry.intake.mongo.documents import (
    fact_id,
    participant_document,
    participant_of,
    slot_document,
    slot_of,
)
from services.registry.intake.ports import GroupWrite, Slot, Transaction
from shared.adapters.kafka_producer import partition_for
from shared.adapters.mongo import Document, DuplicateError, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import TransientError

T = TypeVar("T")

Write = InsertOne[Document] | ReplaceOne[Document] | DeleteOne

COLLECTIONS: Final = ["participants", "identities", "moved", "facts", "ledger", "outbox", "erasures"]
_TRIES_AFTER_DUPLICATE: Final = 5
_NUMBER: Final = len(f'"seq":{UNNUMBERED},')


class MongoStore:
    """The store of the intake."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Make collections and indexes exist."""
        await self._mongo.create(COLLECTIONS)
        with translating("create indexes"):
            dated = {"due_at": {"$type": "date"}}
            await self._mongo["participants"].create_index("due_at", partialFilterExpression=dated)
            await self._mongo["identities"].create_index("holder")

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` again where another process introduced the same fact or person first: it then sees that."""
        for _ in range(_TRIES_AFTER_DUPLICATE):
            try:
                return await self._mongo.transact(lambda session: work(_MongoTransaction(self._mongo, session)))
            except DuplicateError:
                continue
        raise TransientError("MongoDB: others keep writing the same facts at the same time")

    async def due(self, by: datetime, limit: int) -> list[str]:
        with translating("find who is due"):
            found = self._mongo["participants"].find(due_by(by), {"_id": 1}).sort("due_at", 1)
            return [doc["_id"] async for doc in found.limit(limit)]


def due_by(instant: datetime) -> Document:
    """Return the query for who is due. It names the type, as MongoDB would not use the partial index otherwise."""
    return {"due_at": {"$type": "date", "$lte": instant}}


class _MongoTransaction:
    """One transaction on one session."""

    def __init__(self, mongo: Mongo, session: Session) -> None:
        self._mongo = mongo
        self._session = session

    async def slots(self, keys: Collection[FactKey]) -> dict[FactKey, Slot]:
        by_id = {fact_id(key): key for key in keys}
        return {by_id[doc["_id"]]: slot_of(doc) for doc in await self._find("facts", by_id.keys())}

    async def holders(self, hashes: Collection[bytes]) -> Holders:
        found = {doc["_id"]: doc for doc in await self._find("identities", [KEYRING, *hashes])}
        keyring = found.pop(KEYRING, None)
        return Holders({bytes(hashed): doc["holder"] for hashed, doc in found.items()}, layers_of(keyring))

    async def participants(self, holders: Collection[str]) -> list[Participant]:
        moved = {doc["_id"]: doc["person"] for doc in await self._find("moved", holders)}
        persons = {moved.get(holder, holder) for holder in holders}
        return [participant_of(doc) for doc in await self._find("participants", persons)]

    async def _find(self, collection: str, ids: Collection[Any]) -> list[Document]:
        if not ids:
            return []
        cursor = self._mongo[collection].find({"_id": {"$in": list(ids)}}, session=self._session)
        documents: list[Document] = await cursor.to_list(None)
        return documents

    async def write(self, group: GroupWrite) -> None:
        await self._write("facts", [*_slot_writes(group)])
        introduced = [{"_id": row.hashed, "holder": row.holder, "key": row.key_id} for row in group.identities]
        await self._insert("identities", introduced)
        await self._write("participants", [*_participant_writes(group)])
        await self._write("moved", [*_moved_writes(group)])
        ledger = ledger_documents(group)
        await self._insert("ledger", ledger)
        # The server's clock is later than every commit that was read here, whichever replica made it. Ids would order
        # the commits of one process only.
        order = self._session.cluster_time["clusterTime"] if ledger else None
        await self._insert("outbox", outbox_documents(ledger, order))

    async def erase(self, erasure: Erasure) -> int:
        return await mongo_erasure.erase(self._mongo, self._session, erasure)

    async def _write(self, collection: str, writes: Sequence[Write]) -> None:
        if writes:
            await self._mongo[collection].bulk_write(writes, ordered=False, session=self._session)

    async def _insert(self, collection: str, documents: Sequence[Document]) -> None:
        if documents:
            await self._mongo[collection].insert_many(documents, ordered=False, session=self._session)


def _put(document: Document) -> Write:
    return ReplaceOne({"_id": document["_id"]}, document, upsert=True)


def _slot_writes(group: GroupWrite) -> Iterator[Write]:
    for key, slot in group.slots.items():
        document = slot_document(key, slot)
        yield InsertOne(document) if key in group.new_slots else _put(document)


def _participant_writes(group: GroupWrite) -> Iterator[Write]:
    for participant in group.participants:
        document = participant_document(participant)
        yield InsertOne(document) if participant.id in group.new else _put(document)
    yield from (DeleteOne({"_id": person}) for person in group.gone)


def _moved_writes(group: GroupWrite) -> Iterator[Write]:
    """Store the person of a holder only where it is not the holder itself; nearly all are."""
    for holder, person in group.moved.items():
        if holder == person:
            yield DeleteOne({"_id": holder})
        else:
            yield _put({"_id": holder, "person": person})


def ledger_documents(group: GroupWrite) -> list[Document]:
    """Return one document a partition: the group's changes there, as JSON without their number."""
    by_partition: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in group.entries:
        by_partition[partition_for(entry.regency, PARTITIONS)].append(entry)
    return [
        {
            "_id": ObjectId(),
            "partition": partition,
            "recorded_at": group.recorded_at,
            "traceparent": group.traceparent,
            "keys": [entry.regency for entry in entries],
            "persons": [entry.person for entry in entries],
            "changes": [_unnumbered(entry) for entry in entries],
        }
        for partition, entries in by_partition.items()
    ]


def outbox_documents(ledger: Sequence[Document], order: Timestamp | None) -> list[Document]:
    """Return the documents by which the relay finds these ledger entries, in the order of their commits."""
    return [
        {
            "_id": doc["_id"], "partition": doc["partition"], "order": order, "n": len(doc["changes"]),
            "at": doc["recorded_at"],
        }
        for doc in ledger
    ]  # fmt: skip


def _unnumbered(entry: Entry) -> str:
    """Return the change as JSON without its first field; the relay puts the `seq` before it."""
    return msgspec.json.encode(entry.change)[1 + _NUMBER :].decode()
