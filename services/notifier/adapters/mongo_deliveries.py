"""Alerts and deliveries in MongoDB, for the deliverer, the API and the gauges.

A worker claims a delivery by setting its due time later, so the claim of a killed worker expires by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pymongo import ReturnDocument

from services.notifier.adapters import mongo_documents as documents
from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Message, Transition
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.domain.hysteresis import Phase
from shared.adapters.mongo import Document, Mongo, translating
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import NATION

_WAITING = {"state": DeliveryState.WAITING.value}


@dataclass(frozen=True, slots=True)
class PageStart:
    """Where a page of a list, newest first, begins: after the item with this time and id."""

    at: datetime
    id: str


class MongoDeliveries:
    """Reads and writes the collections that `MongoStore` prepares."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def claim(self, holder: str, now: datetime, until: datetime) -> Delivery | None:
        """See the port."""
        with translating("claim a delivery"):
            document = await self._mongo["deliveries"].find_one_and_update(
                {**_WAITING, "due_at": {"$lte": now}},
                {"$set": {"due_at": until, "claimed_by": holder}, "$inc": {"claims": 1}},
                sort=[("due_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return documents.read_delivery(document) if document else None

    async def release(self, holder: str, now: datetime) -> None:
        """See the port."""
        with translating("release deliveries"):
            await self._mongo["deliveries"].update_many(
                {**_WAITING, "claimed_by": holder}, {"$set": {"due_at": now, "claimed_by": None}}
            )

    async def next_due(self) -> datetime | None:
        """See the port."""
        with translating("find the next delivery"):
            found = await self._mongo["deliveries"].find_one(_WAITING, {"due_at": 1}, sort=[("due_at", 1)])
        return found["due_at"] if found else None

    async def postpone(self, delivery: Delivery, due_at: datetime) -> None:
        """See the port."""
        await self._change(delivery, {"$set": {"due_at": due_at, "claimed_by": None}})

    async def keep_message(self, delivery: Delivery, message: Message) -> bool:
        """See the port."""
        return await self._change(delivery, {"$set": {"message": documents.fields_of(message)}})

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """See the port."""
        sent = {"state": DeliveryState.SENT.value, "sent_at": now, "claimed_by": None, "reason": None}
        return await self._change(delivery, {"$set": sent})

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """See the port."""
        fields: Document = {"reason": reason, "claimed_by": None}
        fields |= {"state": DeliveryState.DEAD.value} if due_at is None else {"due_at": due_at}
        return await self._change(delivery, {"$set": fields, "$inc": {"tries": 1}})

    async def _change(self, delivery: Delivery, change: Document) -> bool:
        """Make the change if no other worker has claimed the delivery since."""
        mine = {"_id": delivery.id, "claims": delivery.claims, **_WAITING}
        with translating("record a delivery"):
            return bool((await self._mongo["deliveries"].update_one(mine, change)).matched_count)

    async def alert(self, alert: str) -> Alert | None:
        """See the port."""
        with translating("read an alert"):
            document = await self._mongo["alerts"].find_one({"_id": alert})
        return documents.read_alert(document) if document else None

    async def children(self, region: str) -> list[Snapshot]:
        """See the port."""
        found = await self._all("snapshots", {"parent": region}, "_id")
        return [documents.read_snapshot(document) for document in found]

    async def alerts(self, region: str, state: AlertState | None, after: PageStart | None, limit: int) -> list[Alert]:
        """Return up to `limit` alerts of the region and all below it, newest first."""
        query = {**_within(region), **({"state": state.value} if state else {})}
        return [documents.read_alert(found) for found in await self._page("alerts", query, "raised_at", after, limit)]

    async def transitions(self, alert: Alert) -> list[Transition]:
        """Return the transitions of the alert's episode in order, including those before it was raised."""
        query = {"rule": alert.rule.id, "region": alert.snapshot.region, "belongs_to": alert.episode}
        return [documents.read_transition(found) for found in await self._all("transitions", query, "version")]

    async def deliveries_of(self, alert: str) -> list[Delivery]:
        """Return the alert's deliveries."""
        return [documents.read_delivery(found) for found in await self._all("deliveries", {"alert": alert}, "_id")]

    async def deliveries(self, after: PageStart | None, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries, newest first."""
        found = await self._page("deliveries", {}, "created_at", after, limit)
        return [documents.read_delivery(document) for document in found]

    async def show(self, metrics: NotifierMetrics) -> None:
        """Set the gauges: how many regions are in each phase other than ok, and how many deliveries wait."""
        changed = {"$match": {"phase": {"$ne": Phase.OK.value}}}
        count = {"$group": {"_id": {"rule": "$rule", "phase": "$phase"}, "regions": {"$sum": 1}}}
        with translating("count alerts and deliveries"):
            found = await self._mongo["states"].aggregate([changed, count]).to_list(None)
            waiting = await self._mongo["deliveries"].count_documents(_WAITING)
        metrics.show({(one["_id"]["rule"], one["_id"]["phase"]): one["regions"] for one in found}, waiting)

    async def _all(self, collection: str, query: Document, order: str) -> list[Document]:
        with translating(f"read {collection}"):
            return await self._mongo[collection].find(query, sort=[(order, 1)]).to_list(None)  # type: ignore[no-any-return]

    async def _page(
        self, collection: str, query: Document, time: str, after: PageStart | None, limit: int
    ) -> list[Document]:
        if after is not None:
            query = {**query, "$or": [{time: {"$lt": after.at}}, {time: after.at, "_id": {"$lt": after.id}}]}
        with translating(f"read {collection}"):
            found = self._mongo[collection].find(query, sort=[(time, -1), ("_id", -1)], limit=limit)
            return await found.to_list(None)  # type: ignore[no-any-return]


def _within(region: str) -> Document:
    """Match the region and all below it; the pattern is anchored, so that the index serves it."""
    return {} if region == NATION else {"region": {"$regex": rf"^{re.escape(region)}(\.|$)"}}
