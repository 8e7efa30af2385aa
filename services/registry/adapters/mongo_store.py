"""Participants and ledger in MongoDB.

Collections: `participants`, `identities` (keyed hash → person), `facts` ((source, id) → digest, person), `ledger`
(the changes one commit made for one partition; immutable), `outbox` (ledger entries without numbers yet).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from bson import ObjectId
from pymongo import InsertOne, ReplaceOne

from services.registry.adapters.documents import fact_id, participant_document, participant_of
from services.registry.application.ports import FactKey, GroupWrite, KnownFact, Transaction
from services.registry.domain.ledger import UNNUMBERED, Entry
from services.registry.domain.participant import Participant
from shared.adapters.kafka_producer import partition_for
from shared.adapters.mongo import Document, DuplicateError, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import TransientError

T = TypeVar("T")

COLLECTIONS: Final = ["participants", "identities", "facts", "ledger", "outbox"]
_TRIES_AFTER_DUPLICATE: Final = 5
_NUMBER: Final = len(f'"seq":{UNNUMBERED},')


class MongoStore:
    """The store of the intake."""

    def __init__(self, mongo: Mongo, key_id: str) -> None:
        self._mongo = mongo
        self._key_id = key_id

    async def prepare(self) -> None:
        """Make collections and indexes exist."""
        await self._mongo.create(COLLECTIONS)
        with translating("create indexes"):
            dated = {"due_at": {"$type": "date"}}
            await self._mongo["participants"].create_index("due_at", partialFilterExpression=dated)
            await self._mongo["identities"].create_index("person")

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """See the port. Another process may introduce the same fact or person first: then `work` sees that."""
        for _ in range(_TRIES_AFTER_DUPLICATE):
            try:
                return await self._mongo.transact(lambda session: work(_MongoTransaction(self._mongo, session, self)))
            except DuplicateError:
                continue
        raise TransientError("MongoDB: others keep writing the same facts at the same time")

    async def due(self, by: datetime, limit: int) -> list[str]:
        """See the port."""
        with translating("find who is due"):
            found = self._mongo["participants"].find({"due_at": {"$lte": by}}, {"_id": 1}).sort("due_at", 1)
            return [doc["_id"] async for doc in found.limit(limit)]

    @property
    def key_id(self) -> str:
        """Names the secret whose hashes are written now."""
        return self._key_id


class _MongoTransaction:
    """One transaction on one session."""

    def __init__(self, mongo: Mongo, session: Session, store: MongoStore) -> None:
        self._mongo = mongo
        self._session = session
        self._store = store

    async def known_facts(self, keys: Collection[FactKey]) -> dict[FactKey, KnownFact]:
        by_id = {fact_id(key): key for key in keys}
        found = await self._find("facts", by_id.keys())
        return {by_id[doc["_id"]]: KnownFact(bytes(doc["d"]), doc["p"]) for doc in found}

    async def persons(self, identities: Collection[bytes]) -> dict[bytes, str]:
        found = await self._find("identities", identities)
        return {bytes(doc["_id"]): doc["person"] for doc in found}

    async def participants(self, persons: Collection[str]) -> dict[str, Participant]:
        found = await self._find("participants", persons)
        return {doc["_id"]: participant_of(doc) for doc in found}

    async def _find(self, collection: str, ids: Collection[Any]) -> list[Document]:
        if not ids:
            return []
        cursor = self._mongo[collection].find({"_id": {"$in": list(ids)}}, session=self._session)
        documents: list[Document] = await cursor.to_list(None)
        return documents

    async def write(self, group: GroupWrite) -> None:
        facts = [{"_id": fact_id(key), "d": known.digest, "p": known.person} for key, known in group.facts.items()]
        await self._insert("facts", facts)
        introduced = [
            {"_id": hashed, "person": person, "key": self._store.key_id} for hashed, person in group.identities.items()
        ]
        await self._insert("identities", introduced)
        new = set(group.identities.values())
        await self._mongo["participants"].bulk_write(
            [
                InsertOne(participant_document(participant))
                if participant.id in new
                else ReplaceOne({"_id": participant.id}, participant_document(participant))
                for participant in group.participants
            ],
            ordered=False,
            session=self._session,
        )
        ledger = ledger_documents(group)
        await self._insert("ledger", ledger)
        waiting = [
            {"_id": doc["_id"], "partition": doc["partition"], "n": len(doc["changes"]), "at": doc["recorded_at"]}
            for doc in ledger
        ]
        await self._insert("outbox", waiting)

    async def _insert(self, collection: str, documents: Sequence[Document]) -> None:
        if documents:
            await self._mongo[collection].insert_many(documents, ordered=False, session=self._session)


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


def _unnumbered(entry: Entry) -> str:
    """Return the change as JSON from its second field on: the relay puts its `seq` before it."""
    return msgspec.json.encode(entry.change)[1 + _NUMBER :].decode()
