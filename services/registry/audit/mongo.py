"""Reads everything that the registry keeps, for checking and for replay. Nothing is written here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from services.registry.audit.ports import LedgerEntry, Manifest, Numbers, Waiting
from services.registry.domain.facts import FactKey
from services.registry.domain.participant import Participant
from services.registry.intake.mongo.documents import fact_key, participant_of
from services.registry.relay.mongo import ENTRIES
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import PermanentError

_CHANGES_AT_ONCE: Final = 2000
"""Fetched by one query: a megabyte or two of ledger entries, and of each partition as much in a replay."""


class MongoAudit:
    """The audit port over the registry's database."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[MongoSnapshot]:
        async with self._mongo.snapshot_read() as session:
            yield MongoSnapshot(self._mongo, session)

    def numbered(self) -> MongoSnapshot:
        """Read without a session: what has a number never changes, however long the reading takes."""
        return MongoSnapshot(self._mongo, None)

    async def relays(self, now: datetime) -> frozenset[str]:
        with translating("read who is there"):
            return frozenset([doc["_id"] async for doc in self._mongo["members"].find({"until": {"$gt": now}})])


class MongoSnapshot:
    """The collections as one session sees them."""

    def __init__(self, mongo: Mongo, session: Session | None) -> None:
        self._mongo = mongo
        self._session = session

    async def numbers(self) -> dict[int, Numbers]:
        found = {doc["_id"]: doc async for doc in self._find("leases", {"next_seq": {"$ne": None}})}
        leases = [found.get(str(partition)) for partition in range(PARTITIONS)]
        if None in leases:
            raise PermanentError("no registry has run on this database: see CAKUPAN_MONGODB_URI and CAKUPAN_NAMESPACE")
        return {partition: Numbers(at["next_seq"], at["published"]) for partition, at in enumerate(leases) if at}

    async def manifests(self, partition: int, from_seq: int = 0) -> AsyncIterator[Manifest]:
        holding = {"partition": partition, "first_seq": {"$lte": from_seq}}
        first = [doc["first_seq"] async for doc in self._find("manifests", holding, sort=("first_seq", -1), limit=1)]
        asked = {"partition": partition, "first_seq": {"$gte": first[0] if first else 0}}
        found = self._find("manifests", asked, sort=("first_seq", 1))
        async for some in _gathered(found, "count"):
            for manifest in await self._with_entries(some):
                yield manifest

    async def _with_entries(self, documents: Sequence[Document]) -> list[Manifest]:
        entries = await self._entries([name for doc in documents for name in doc["entries"]])
        return [
            Manifest(
                partition=doc["partition"],
                first_seq=doc["first_seq"],
                count=doc["count"],
                names=[str(name) for name in doc["entries"]],
                entries=[entries[name] for name in doc["entries"] if name in entries],
            )
            for doc in documents
        ]

    async def _entries(self, names: Sequence[Any]) -> dict[Any, LedgerEntry]:
        return {doc["_id"]: _entry(doc) async for doc in self._find("ledger", {"_id": {"$in": names}})}

    async def waiting(self) -> AsyncIterator[Waiting]:
        async for some in _gathered(self._find("outbox", ENTRIES), "n"):
            entries = await self._entries([doc["_id"] for doc in some])
            for doc in some:
                yield Waiting(str(doc["_id"]), doc["partition"], doc["n"], entries.get(doc["_id"]))

    async def ledger(self) -> AsyncIterator[str]:
        """Read from the index alone."""
        async for doc in self._find("ledger", {}, {"_id": 1}, sort=("_id", 1)):
            yield str(doc["_id"])

    async def participants(self) -> AsyncIterator[Participant]:
        async for doc in self._find("participants", {}):
            yield participant_of(doc)

    async def facts_that_count(self) -> AsyncIterator[tuple[FactKey, tuple[str, ...]]]:
        async for doc in self._find("facts", {"h.0": {"$exists": True}}, {"h": 1}):
            yield fact_key(doc["_id"]), tuple(doc["h"])

    async def moved(self) -> AsyncIterator[tuple[str, str]]:
        async for doc in self._find("moved", {}):
            yield doc["_id"], doc["person"]

    async def _find(
        self, collection: str, asked: Document, fields: Document | None = None, *,
        sort: tuple[str, int] | None = None, limit: int = 0,
    ) -> AsyncIterator[Document]:  # fmt: skip
        with translating(f"read {collection}"):
            cursor = self._mongo[collection].find(asked, fields, session=self._session, limit=limit)
            if sort:
                cursor = cursor.sort(*sort)
            async for doc in cursor:
                yield doc


async def _gathered(documents: AsyncIterator[Document], changes: str) -> AsyncIterator[list[Document]]:
    """Yield the documents in order, as many together as stand for enough changes; `changes` names the field."""
    gathered: list[Document] = []
    held = 0
    async for doc in documents:
        gathered.append(doc)
        held += doc[changes]
        if held >= _CHANGES_AT_ONCE:
            yield gathered
            gathered, held = [], 0
    if gathered:
        yield gathered


def _entry(doc: Document) -> LedgerEntry:
    return LedgerEntry(
        str(doc["_id"]), doc["partition"], doc["persons"], doc["keys"], doc["changes"], doc["traceparent"]
    )
