"""Deliveries in MongoDB: for the workers, the API and the gauges.

A worker claims a delivery by setting its due time later, so the claim of a killed worker expires by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from services.notifier.delivery.deliveries import Delivery, DeliveryState, Document, document_of, read_delivery
from services.notifier.delivery.metrics import Backlog
from services.notifier.engine.directory import ChannelKind
from services.notifier.messages.message import Message
from shared.adapters.mongo import Mongo, at_or_below, translating
from shared.regions.codes import NATION

_WAITING = {"state": DeliveryState.WAITING.value}
_DEAD = {"state": DeliveryState.DEAD.value}
_SENT_AND_KEPT = {"state": DeliveryState.SENT.value, "message.written_at": {"$exists": True}}
"""Sent, with the message as it was sent."""


@dataclass(frozen=True, slots=True)
class PageStart:
    """Where a page of a list, newest first, begins: after the item with this time and id."""

    at: datetime
    id: str

    def query(self, time: str, wanted: Document) -> Document:
        """Return MongoDB's query for the wanted items of the page; `time` names the field by which they are sorted.

        Each branch names all that is wanted: so MongoDB reads just the page from an index that begins with it.
        """
        return {"$or": [{**wanted, time: {"$lt": self.at}}, {**wanted, time: self.at, "_id": {"$lt": self.id}}]}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries a list has. `region`: those whose regions all are, or lie below, this one."""

    state: DeliveryState | None = None
    kind: ChannelKind | None = None
    official: str | None = None
    alert: str | None = None
    region: str = NATION

    def query(self) -> Document:
        """Return MongoDB's query."""
        named = {
            "state": self.state and self.state.value, "channel.kind": self.kind, "official.id": self.official,
            "alerts": self.alert,
        }  # fmt: skip
        query: Document = {field: value for field, value in named.items() if value is not None}
        if self.region != NATION:
            outside = {"$not": at_or_below(self.region)}
            query["regions"] = {"$not": {"$elemMatch": outside}}
        return query


class MongoDeliveries:
    """The collection `deliveries`; the evaluator inserts, within its own transactions."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._deliveries = mongo["deliveries"]

    async def prepare(self) -> None:
        """Create the collection and its indexes."""
        await self._mongo.create(["deliveries"])
        with translating("prepare deliveries"):
            # Only what waits, so that it stays small; with the address, so that skipping one reads no document.
            due = [("state", 1), ("channel.kind", 1), ("due_at", 1), ("channel.address", 1)]
            await self._deliveries.create_index(due, name="due", partialFilterExpression=_WAITING)
            await self._deliveries.create_index([("told_at", -1), ("_id", -1)])
            await self._deliveries.create_index([("state", 1), ("told_at", -1), ("_id", -1)])
            await self._deliveries.create_index([("alerts", 1), ("told_at", 1)])
            await self._deliveries.create_index("sent_at", name="kept", partialFilterExpression=_SENT_AND_KEPT)

    async def claim(
        self, kind: ChannelKind, without: Collection[str], holder: str, now: datetime, until: datetime, most: int
    ) -> list[Delivery]:
        """See the port. Many cost three calls, as one does: each waits for the server's journal."""
        due = {"due_at": {"$lte": now}}
        claim = {"$set": {"due_at": until, "claimed_by": holder}, "$inc": {"claims": 1}}
        first = [("due_at", 1)]
        with translating("claim deliveries"):
            found = self._deliveries.find({**_waiting(kind, without), **due}, {"_id": 1}, sort=first, limit=most)
            ids = {"_id": {"$in": [each["_id"] for each in await found.to_list(None)]}}
            if not ids["_id"]["$in"]:
                return []
            # Another holder may have been faster with some of them.
            if not (await self._deliveries.update_many({**ids, **_WAITING, **due}, claim)).modified_count:
                return []
            mine = await self._deliveries.find({**ids, "claimed_by": holder, "due_at": until}).to_list(None)
        return sorted((read_delivery(document) for document in mine), key=lambda each: (each.told_at, each.id))

    async def next_due(self, kind: ChannelKind, without: Collection[str]) -> datetime | None:
        """See the port."""
        with translating("find the next delivery"):
            found = await self._deliveries.find_one(_waiting(kind, without), {"due_at": 1}, sort=[("due_at", 1)])
        return found["due_at"] if found else None

    async def release(self, holder: str, now: datetime) -> None:
        """See the port."""
        with translating("release deliveries"):
            await self._deliveries.update_many(
                {**_WAITING, "claimed_by": holder}, {"$set": {"due_at": now, "claimed_by": None}}
            )

    async def first_told(self, delivery: Delivery) -> str | None:
        """See the port."""
        query = {
            "alerts": delivery.alerts[0], "told_at": {"$lt": delivery.told_at},
            "channel": document_of(delivery.channel),
        }  # fmt: skip
        with translating("find the message that this one answers"):
            found = await self._deliveries.find_one(query, {"_id": 1}, sort=[("told_at", 1)])
        return found["_id"] if found else None

    async def keep_message(self, delivery: Delivery, message: Message, answers: str | None, now: datetime) -> bool:
        """See the port."""
        kept = {"message": document_of(message), "answers": answers, "first_try_at": now}
        return await self._change(delivery, {"$set": kept})

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """See the port."""
        sent = {"state": DeliveryState.SENT.value, "sent_at": now, "claimed_by": None, "reason": None}
        return await self._change(delivery, {"$set": sent})

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """See the port."""
        fields: Document = {"reason": reason, "claimed_by": None, "first_try_at": delivery.first_try_at}
        fields |= _DEAD if due_at is None else {"due_at": due_at}
        return await self._change(delivery, {"$set": fields, "$inc": {"tries": 1}})

    async def resend(self, delivery: str, now: datetime) -> bool:
        """Let a dead delivery be tried again from now on, for as long as a new one; False if it is not dead.

        Its message stays as it was composed.
        """
        again = {**_WAITING, "due_at": now, "tries": 0, "reason": None, "first_try_at": now}
        with translating("send a delivery again"):
            changed = await self._deliveries.update_one({"_id": delivery, **_DEAD}, {"$set": again})
        return bool(changed.modified_count)

    async def forget_messages(self, before: datetime) -> int:
        """Drop the messages that were sent before this, and return how many; the deliveries stay.

        Dead ones keep theirs, since they may be sent again.
        """
        with translating("forget old messages"):
            old = {**_SENT_AND_KEPT, "sent_at": {"$lt": before}}
            return int((await self._deliveries.update_many(old, {"$set": {"message": None}})).modified_count)

    async def get(self, delivery: str) -> Delivery | None:
        """Return the delivery."""
        with translating("read a delivery"):
            found = await self._deliveries.find_one({"_id": delivery})
        return read_delivery(found) if found else None

    async def page(self, wanted: Wanted, after: PageStart | None, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries, newest first, without their messages."""
        query = wanted.query()
        if after is not None:
            query = after.query("told_at", query)
        with translating("list deliveries"):
            found = self._deliveries.find(query, {"message": 0}, sort=[("told_at", -1), ("_id", -1)], limit=limit)
            return [read_delivery(document) async for document in found]

    async def backlog(self) -> list[Backlog]:
        """Return how many deliveries of each kind wait or are dead, and since when the oldest waits."""
        waits = {"$eq": ["$state", DeliveryState.WAITING.value]}
        counted = {
            "_id": "$channel.kind",
            "waiting": {"$sum": {"$cond": [waits, 1, 0]}},
            "dead": {"$sum": {"$cond": [waits, 0, 1]}},
            "oldest": {"$min": {"$cond": [waits, "$told_at", None]}},
        }
        unsent = {"state": {"$in": [DeliveryState.WAITING.value, DeliveryState.DEAD.value]}}
        with translating("count deliveries"):
            found = await self._deliveries.aggregate([{"$match": unsent}, {"$group": counted}]).to_list(None)
        return [Backlog(one["_id"], one["waiting"], one["dead"], one["oldest"]) for one in found]

    async def _change(self, delivery: Delivery, change: Document) -> bool:
        """Make the change if no other worker has claimed the delivery since."""
        mine = {"_id": delivery.id, "claims": delivery.claims, **_WAITING}
        with translating("record a delivery"):
            return bool((await self._deliveries.update_one(mine, change)).matched_count)


def _waiting(kind: ChannelKind, without: Collection[str]) -> Document:
    query: Document = {**_WAITING, "channel.kind": kind}
    return query | ({"channel.address": {"$nin": sorted(without)}} if without else {})
