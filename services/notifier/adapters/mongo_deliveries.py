"""Deliveries in MongoDB. A worker's claim is a later due time in the document: a killed worker's runs out by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from services.notifier.adapters import mongo_documents as documents
from services.notifier.application.alerts import Delivery, DeliveryState, Message
from shared.adapters.mongo import Document, Mongo, translating

_WAITING = {"state": DeliveryState.WAITING.value}


class MongoDeliveries:
    """The store of the deliverer, over the collections that `MongoStore` prepares."""

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
        with translating("look for the next delivery"):
            found = await self._mongo["deliveries"].find_one(_WAITING, {"due_at": 1}, sort=[("due_at", 1)])
        return found["due_at"] if found else None

    async def put_back(self, delivery: Delivery, due_at: datetime) -> None:
        """See the port."""
        await self._change(delivery, {"$set": {"due_at": due_at, "claimed_by": None}})

    async def freeze(self, delivery: Delivery, message: Message) -> bool:
        """See the port."""
        return await self._change(delivery, {"$set": {"message": documents.message_document(message)}})

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """See the port."""
        sent = {"state": DeliveryState.SENT.value, "sent_at": now, "claimed_by": None, "reason": None}
        return await self._change(delivery, {"$set": sent})

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """See the port."""
        fields: Document = {"reason": reason, "claimed_by": None}
        fields |= {"state": DeliveryState.DEAD.value} if due_at is None else {"due_at": due_at}
        return await self._change(delivery, {"$set": fields, "$inc": {"tries": 1}})

    async def _change(self, delivery: Delivery, change: dict[str, Any]) -> bool:
        """Make the change if no one else has claimed the delivery since."""
        mine = {"_id": delivery.id, "claims": delivery.claims, **_WAITING}
        with translating("record a delivery"):
            return bool((await self._mongo["deliveries"].update_one(mine, change)).matched_count)
