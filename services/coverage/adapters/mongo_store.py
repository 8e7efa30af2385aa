"""Counters, flows and checkpoints in MongoDB.

Collections: `checkpoints` (one a partition), `counters` (one a region and partition; a regency and below lies in one
partition, province and nation in each), `flows` (one a region, partition and month of effect).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from pymongo import UpdateOne

from services.coverage.adapters.mongo_documents import add_counter, add_flows, counter_updates, flow_updates
from services.coverage.application.ports import Checkpoint, Figures, Flush
from services.coverage.domain.position import Position
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import level_of
from shared.runtime.errors import FencedError

COLLECTIONS: Final = ["checkpoints", "counters", "flows"]
_SUMMED: Final = frozenset({"nation", "province"})


class MongoStore:
    """The store of coverage."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Make collections, indexes and one checkpoint a partition exist."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare counters"):
            await self._mongo["counters"].create_index("region")
            await self._mongo["counters"].create_index([("partition", 1), ("region", 1)])
            await self._mongo["flows"].create_index([("region", 1), ("month", 1)])
            for partition in range(PARTITIONS):
                await self._mongo["checkpoints"].update_one(
                    {"_id": partition}, {"$setOnInsert": _checkpoint(Position(), behind=False)}, upsert=True
                )

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """See the port."""
        with translating("read checkpoints"):
            found = await self._mongo["checkpoints"].find().to_list(None)
        return {doc["_id"]: Checkpoint(Position(doc["next_seq"], doc["next_offset"]), doc["behind"]) for doc in found}

    async def apply(self, flushes: Sequence[Flush]) -> None:
        """See the port. Checkpoints move first: of two at the same position the second meets a conflict there."""

        async def work(session: Session) -> None:
            moves = [_move(flush) for flush in flushes]
            moved = await self._mongo["checkpoints"].bulk_write(moves, ordered=False, session=session)
            if moved.matched_count < len(flushes):
                raise FencedError(f"of partitions {[flush.partition for flush in flushes]} one has moved on")
            await self._bulk("counters", [update for flush in flushes for update in counter_updates(flush)], session)
            await self._bulk("flows", [update for flush in flushes for update in flow_updates(flush)], session)

        await self._mongo.transact(work)

    async def _bulk(self, collection: str, updates: list[Any], session: Session) -> None:
        if updates:
            await self._mongo[collection].bulk_write(updates, ordered=False, session=session)

    async def mark_level(self, partitions: Collection[int]) -> None:
        """See the port."""
        with translating("mark partitions level"):
            await self._mongo["checkpoints"].update_many(
                {"_id": {"$in": list(partitions)}}, {"$set": {"behind": False}}
            )

    async def figures(self, regions: Collection[str], flows_from: date | None) -> dict[str, Figures]:
        """See the port. Read in a transaction, so that counters and flows are of one moment."""
        asked = {"region": {"$in": list(regions)}}

        async def work(session: Session) -> dict[str, Figures]:
            figures = {region: Figures() for region in regions}
            async for document in self._mongo["counters"].find(asked, session=session):
                add_counter(figures[document["region"]], document)
            if flows_from is not None:
                recent = {**asked, "month": {"$gte": f"{flows_from:%Y-%m}"}}
                async for document in self._mongo["flows"].find(recent, session=session):
                    add_flows(figures[document["region"]], document, flows_from)
            return figures

        return await self._mongo.transact(work)

    async def positions(self, regions: Collection[str]) -> dict[str, int]:
        """See the port."""
        positions = dict.fromkeys(regions, 0)
        with translating("read positions"):
            async for document in self._mongo["counters"].find(
                {"region": {"$in": list(regions)}}, {"region": 1, "position": 1}
            ):
                positions[document["region"]] += document["position"]
        return positions

    async def regions_of(self, partition: int) -> list[str]:
        """See the port."""
        with translating("read the regions of a partition"):
            found = await self._mongo["counters"].find({"partition": partition}, {"_id": 0, "region": 1}).to_list(None)
        return [doc["region"] for doc in found if level_of(doc["region"]) not in _SUMMED]


def _move(flush: Flush) -> UpdateOne:
    stands = {"_id": flush.partition, **_position(flush.before)}
    return UpdateOne(stands, {"$set": _checkpoint(flush.after, behind=flush.behind)})


def _position(position: Position) -> Document:
    return {"next_seq": position.next_seq, "next_offset": position.next_offset}


def _checkpoint(position: Position, *, behind: bool) -> Document:
    return {**_position(position), "behind": behind}
