"""The outbox in MongoDB: each partition's lease document has its next number and how far it is published.

Collections: `leases` (a partition's also holds `next_seq` and `published`), `manifests` (which ledger entries got which
numbers; immutable), `outbox` (entries without numbers).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from pymongo import UpdateOne

from services.registry.relay.ports import Backlog, Batch
from shared.adapters.mongo import Document, DuplicateError, Mongo, Session, translating
from shared.adapters.mongo_leases import MongoLeases
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease

COLLECTIONS: Final = ["manifests"]
_IN_ORDER: Final = [("order", 1), ("_id", 1)]
"""The order of the commits where one depends on another, so that a change is published before it is taken back."""


_OUTBOX_INDEX: Final = [("partition", 1), ("order", 1), ("_id", 1), ("n", 1), ("at", 1)]
"""The first three give the order of a partition's commits. With `n` and `at` the index alone says what waits."""


_BEHIND: Final = 0.5
"""Between two partitions in the index stands a document that stays, a fence. MongoDB keeps what was deleted for as long
as its snapshots (300 s), and a scan of one partition would go on through all that was deleted from those behind it."""


_READ_AT_ONCE: Final = 1_000
"""Documents that MongoDB sends at a time. The event loop decodes them in one turn: 1,000 take 4 ms, 5,000 over 20."""
ENTRIES: Final = {"n": {"$gt": 0}}
"""The query for all entries, which the index alone answers; a fence holds no changes."""


class MongoOutbox(MongoLeases):
    """The outbox of the relay."""

    def __init__(self, mongo: Mongo) -> None:
        super().__init__(mongo)
        self._next_seq: dict[int, int] = {}

    async def prepare(self) -> None:
        """Make collections, indexes and the numbers of each partition exist."""
        await self._mongo.create(COLLECTIONS)
        await self.prepare_leases([str(partition) for partition in range(PARTITIONS)])
        with translating("prepare the outbox"):
            await self._mongo["outbox"].create_index(_OUTBOX_INDEX)
            fences = [{"_id": f"fence/{at}", "partition": at + _BEHIND} for at in range(PARTITIONS)]
            puts = [UpdateOne({"_id": fence["_id"]}, {"$setOnInsert": fence}, upsert=True) for fence in fences]
            await self._mongo["outbox"].bulk_write(puts, ordered=False)
            await self._mongo["manifests"].create_index([("partition", 1), ("first_seq", 1)], unique=True)
            await self._mongo["leases"].update_many(
                {"_id": {"$in": [str(partition) for partition in range(PARTITIONS)]}, "next_seq": None},
                {"$set": {"next_seq": 0, "published": 0}},
            )

    async def number(self, leases: Mapping[int, Lease], limit: int) -> list[Batch]:
        """Number in one transaction: move each partition's next number on, write the manifests, empty the outbox.

        The lease's token must be the newest. The next numbers are remembered; where another relay has numbered since,
        the transaction fails and they are read anew.
        """
        waiting = await self._waiting(leases, limit)
        if not waiting:
            return []
        await self._read_next(leases, waiting.keys())
        manifests = [_manifest(partition, self._next_seq[partition], entries) for partition, entries in waiting.items()]
        numbered = [id_ for manifest in manifests for id_ in manifest["entries"]]

        async def work(session: Session) -> None:
            await self._move_on(leases, manifests, session)
            await self._mongo["manifests"].insert_many(manifests, session=session)
            await self._mongo["outbox"].delete_many({"_id": {"$in": numbered}}, session=session)

        # If the answer to the commit is lost we do not know the numbers, so they are read again.
        self._next_seq = {p: seq for p, seq in self._next_seq.items() if p not in waiting}
        try:
            # Ledger entries never change, so they can be read while the numbers are being written.
            _, ledger = await asyncio.gather(self._mongo.transact(work), self._ledger(manifests))
        except DuplicateError as error:
            raise FencedError("these numbers are taken by another relay") from error
        self._next_seq |= {manifest["partition"]: manifest["first_seq"] + manifest["count"] for manifest in manifests}
        return _batches(manifests, ledger)

    async def _waiting(self, leases: Mapping[int, Lease], limit: int) -> dict[int, list[Document]]:
        """Return the outbox entries of each partition held, oldest first, up to `limit` changes each.

        Read from one snapshot: every commit that an entry depends on is then there as well, and comes before it.
        """
        waiting: dict[int, list[Document]] = defaultdict(list)
        with translating("read the outbox"):
            async with self._mongo.snapshot_read() as session:
                asked = {"partition": {"$in": list(leases)}}
                found = self._mongo["outbox"].find(asked, session=session, batch_size=_READ_AT_ONCE)
                cursor = found.sort(_IN_ORDER).limit(limit)
                entries = await cursor.to_list(None)
        taken: defaultdict[int, int] = defaultdict(int)
        for entry in entries:
            partition = entry["partition"]
            if taken[partition] < limit:
                taken[partition] += entry["n"]
                waiting[partition].append(entry)
        return dict(waiting)

    async def _read_next(self, leases: Mapping[int, Lease], partitions: Collection[int]) -> None:
        """Read the next numbers of partitions where they are not remembered."""
        unread = [leases[partition].job for partition in partitions if partition not in self._next_seq]
        if unread:
            with translating("read the next numbers"):
                async for doc in self._mongo["leases"].find({"_id": {"$in": unread}}, {"next_seq": 1}):
                    self._next_seq[int(doc["_id"])] = doc["next_seq"]

    async def _move_on(self, leases: Mapping[int, Lease], manifests: Sequence[Document], session: Session) -> None:
        """Move the next numbers on. Raises: FencedError where a token or a number is no longer the newest."""
        moves = [
            UpdateOne(
                {"_id": lease.job, "token": lease.token, "next_seq": manifest["first_seq"]},
                {"$set": {"next_seq": manifest["first_seq"] + manifest["count"]}},
            )
            for manifest in manifests
            for lease in [leases[manifest["partition"]]]
        ]
        moved = await self._mongo["leases"].bulk_write(moves, ordered=False, session=session)
        if moved.matched_count < len(moves):
            raise FencedError(f"of partitions {[m['partition'] for m in manifests]} one is no longer ours to relay")

    async def given(self) -> dict[int, int]:
        with translating("read the next numbers"):
            found = await self._mongo["leases"].find({"next_seq": {"$exists": True}}, {"next_seq": 1}).to_list(None)
        return {int(lease["_id"]): lease["next_seq"] for lease in found}

    async def unpublished(self, partition: int) -> list[Batch]:
        with translating("read manifests"):
            state = await self._mongo["leases"].find_one({"_id": str(partition)})
            left = {"partition": partition, "first_seq": {"$gte": state["published"] if state else 0}}
            manifests = await self._mongo["manifests"].find(left).sort("first_seq", 1).to_list(None)
        return _batches(manifests, await self._ledger(manifests))

    async def _ledger(self, manifests: Sequence[Document]) -> dict[Any, Document]:
        """Return the ledger entries that got numbers, by id."""
        ids = [entry for manifest in manifests for entry in manifest["entries"]]
        with translating("read the ledger"):
            found = self._mongo["ledger"].find({"_id": {"$in": ids}}, batch_size=_READ_AT_ONCE)
            return {doc["_id"]: doc async for doc in found}

    async def mark_published(self, leases: Mapping[int, Lease], batches: Sequence[Batch]) -> None:
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
        """Measure what has no number yet, and what is numbered and not marked as published."""
        with translating("measure the backlog"):
            # Fences count for nothing: they have neither `n` nor `at`.
            pipeline = [{"$group": {"_id": None, "n": {"$sum": "$n"}, "oldest": {"$min": "$at"}}}]
            # Read from the index alone: while Kafka is away the outbox may hold millions.
            waiting = await self._mongo["outbox"].aggregate(pipeline, hint=dict(_OUTBOX_INDEX)).to_list(1)
            changes, oldest = (waiting[0]["n"], [waiting[0]["oldest"]]) if waiting and waiting[0]["n"] else (0, [])
            behind = {"$expr": {"$gt": ["$next_seq", "$published"]}}
            async for lease in self._mongo["leases"].find(behind):
                changes += lease["next_seq"] - lease["published"]
                asked = {"partition": int(lease["_id"]), "first_seq": lease["published"]}
                manifest = await self._mongo["manifests"].find_one(asked, {"at": 1})
                oldest += [manifest["at"]] if manifest else []
        return Backlog(changes, min(oldest, default=None))


def _manifest(partition: int, first_seq: int, entries: Sequence[Document]) -> Document:
    return {
        "_id": f"{partition}/{first_seq}",
        "partition": partition,
        "first_seq": first_seq,
        "count": sum(entry["n"] for entry in entries),
        "at": min(entry["at"] for entry in entries),
        "entries": [entry["_id"] for entry in entries],
    }


def _batches(manifests: Sequence[Document], ledger: Mapping[Any, Document]) -> list[Batch]:
    return [_batch(manifest, [ledger[id_] for id_ in manifest["entries"]]) for manifest in manifests]


def _batch(manifest: Document, entries: Sequence[Document]) -> Batch:
    return Batch(
        partition=manifest["partition"],
        first_seq=manifest["first_seq"],
        changes=[change for entry in entries for change in entry["changes"]],
        keys=[key for entry in entries for key in entry["keys"]],
        traceparents=[entry["traceparent"] for entry in entries for _ in entry["changes"]],
    )
