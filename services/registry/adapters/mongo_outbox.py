"""The ledger as the relay sees it: numbers and what is published, kept in each partition's lease document.

Collections: `leases` (a partition's also holds `next_seq` and `published`), `manifests` (which ledger entries got which
numbers; immutable), `outbox` (entries without numbers).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import UpdateOne

from services.registry.adapters.mongo_leases import MongoLeases
from services.registry.application.ports import Backlog, Batch
from shared.adapters.mongo import Document, DuplicateError, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease

COLLECTIONS: Final = ["manifests"]


class MongoOutbox(MongoLeases):
    """The outbox of the relay."""

    async def prepare(self) -> None:
        """Make collections, indexes and the numbers of each partition exist."""
        await self._mongo.create(COLLECTIONS)
        await self.prepare_leases([str(partition) for partition in range(PARTITIONS)])
        with translating("prepare the outbox"):
            await self._mongo["outbox"].create_index([("partition", 1), ("_id", 1)])
            await self._mongo["manifests"].create_index([("partition", 1), ("first_seq", 1)], unique=True)
            await self._mongo["leases"].update_many(
                {"_id": {"$in": [str(partition) for partition in range(PARTITIONS)]}, "next_seq": None},
                {"$set": {"next_seq": 0, "published": 0}},
            )

    async def number(self, leases: Mapping[int, Lease], limit: int) -> list[Batch]:
        """See the port.

        One transaction: move each partition's next number on (which the lease's token must allow), write the
        manifests, take the entries out of the outbox.
        """
        waiting = await self._waiting(leases, limit)
        if not waiting:
            return []

        async def work(session: Session) -> list[Document]:
            manifests = await self._manifests(leases, waiting, session)
            await self._mongo["manifests"].insert_many(manifests, session=session)
            numbered = [entry["_id"] for entries in waiting.values() for entry in entries]
            await self._mongo["outbox"].delete_many({"_id": {"$in": numbered}}, session=session)
            return manifests

        try:
            return await self._batches(await self._mongo.transact(work))
        except DuplicateError as error:
            raise FencedError("these numbers are taken by another relay") from error

    async def _waiting(self, leases: Mapping[int, Lease], limit: int) -> dict[int, list[Document]]:
        """Return the outbox entries of each partition held, oldest first, up to `limit` changes each."""
        waiting: dict[int, list[Document]] = defaultdict(list)
        with translating("read the outbox"):
            cursor = self._mongo["outbox"].find({"partition": {"$in": list(leases)}}).sort("_id", 1).limit(limit)
            taken: defaultdict[int, int] = defaultdict(int)
            async for entry in cursor:
                partition = entry["partition"]
                if taken[partition] < limit:
                    taken[partition] += entry["n"]
                    waiting[partition].append(entry)
        return dict(waiting)

    async def _manifests(
        self, leases: Mapping[int, Lease], waiting: Mapping[int, Sequence[Document]], session: Session
    ) -> list[Document]:
        """Move the partitions' next numbers on, which their tokens must allow, and return what they were given for."""
        jobs = {"_id": {"$in": [leases[partition].job for partition in waiting]}}
        found = self._mongo["leases"].find(jobs, {"next_seq": 1}, session=session)
        next_seq = {int(doc["_id"]): doc["next_seq"] async for doc in found}
        manifests = [_manifest(partition, next_seq[partition], entries) for partition, entries in waiting.items()]
        moves = [
            UpdateOne({"_id": leases[p].job, "token": leases[p].token}, {"$inc": {"next_seq": manifest["count"]}})
            for manifest in manifests
            for p in [manifest["partition"]]
        ]
        moved = await self._mongo["leases"].bulk_write(moves, ordered=False, session=session)
        if moved.matched_count < len(moves):
            raise FencedError(f"of partitions {list(waiting)} one is no longer ours to relay")
        return manifests

    async def unpublished(self, partition: int) -> list[Batch]:
        """See the port."""
        with translating("read manifests"):
            state = await self._mongo["leases"].find_one({"_id": str(partition)})
            left = {"partition": partition, "first_seq": {"$gte": state["published"] if state else 0}}
            manifests = await self._mongo["manifests"].find(left).sort("first_seq", 1).to_list(None)
        return await self._batches(manifests)

    async def _batches(self, manifests: Sequence[Document]) -> list[Batch]:
        ids = [entry for manifest in manifests for entry in manifest["entries"]]
        with translating("read the ledger"):
            ledger = {doc["_id"]: doc async for doc in self._mongo["ledger"].find({"_id": {"$in": ids}})}
        return [_batch(manifest, [ledger[id_] for id_ in manifest["entries"]]) for manifest in manifests]

    async def mark_published(self, leases: Mapping[int, Lease], batches: Sequence[Batch]) -> None:
        """See the port."""
        published = {batch.partition: batch.first_seq + len(batch.changes) for batch in batches}
        updates = [
            UpdateOne({"_id": leases[p].job, "token": leases[p].token}, {"$max": {"published": end}})
            for p, end in published.items()
        ]
        with translating("mark changes published"):
            result = await self._mongo["leases"].bulk_write(updates, ordered=False)
        if result.matched_count < len(updates):
            raise FencedError("a partition was taken over while it was published")

    async def backlog(self) -> Backlog:
        """See the port: what has no number yet, and what is numbered but not marked published."""
        with translating("measure the backlog"):
            waiting = await self._sum("outbox", "$n", {"$min": "$at"})
            numbered = await self._sum("leases", {"$subtract": ["$next_seq", "$published"]}, {"$min": None})
        return Backlog(waiting["sum"] + numbered["sum"], waiting["oldest"])

    async def _sum(self, collection: str, of: Any, oldest: Any) -> Document:
        pipeline = [{"$group": {"_id": None, "sum": {"$sum": of}, "oldest": oldest}}]
        found = await self._mongo[collection].aggregate(pipeline).to_list(1)
        return found[0] if found else {"sum": 0, "oldest": None}


def _manifest(partition: int, first_seq: int, entries: Sequence[Document]) -> Document:
    return {
        "_id": f"{partition}/{first_seq}",
        "partition": partition,
        "first_seq": first_seq,
        "count": sum(entry["n"] for entry in entries),
        "entries": [entry["_id"] for entry in entries],
    }


def _batch(manifest: Document, entries: Sequence[Document]) -> Batch:
    return Batch(
        partition=manifest["partition"],
        first_seq=manifest["first_seq"],
        changes=[change for entry in entries for change in entry["changes"]],
        keys=[key for entry in entries for key in entry["keys"]],
        traceparents=[entry["traceparent"] for entry in entries for _ in entry["changes"]],
    )
