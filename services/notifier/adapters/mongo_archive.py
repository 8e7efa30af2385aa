"""What was decided and delivered, read from MongoDB for the API and the gauges."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.notifier.adapters import mongo_documents as documents
from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Transition
from services.notifier.application.ports import Place
from services.notifier.domain.hysteresis import Phase
from shared.adapters.mongo import Document, Mongo, translating
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import NATION


class MongoArchive:
    """Reads the collections that `MongoStore` prepares."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def alerts(self, region: str, state: AlertState | None, after: Place | None, limit: int) -> list[Alert]:
        """See the port."""
        asked = {**_within(region), **({"state": state.value} if state else {})}
        return [documents.read_alert(found) for found in await self._page("alerts", asked, "raised_at", after, limit)]

    async def alert(self, alert: str) -> Alert | None:
        """See the port."""
        with translating("read an alert"):
            document = await self._mongo["alerts"].find_one({"_id": alert})
        return documents.read_alert(document) if document else None

    async def children(self, region: str) -> list[Snapshot]:
        """See the port."""
        with translating("read snapshots"):
            found = (
                await self._mongo["snapshots"].find({"parent": region}, {"body": 1}, sort=[("_id", 1)]).to_list(None)
            )
        return [documents.read_snapshot(document) for document in found]

    async def transitions(self, alert: Alert) -> list[Transition]:
        """See the port."""
        asked = {"rule": alert.rule.id, "region": alert.snapshot.region, "belongs_to": alert.episode}
        with translating("read transitions"):
            found = await self._mongo["transitions"].find(asked, sort=[("version", 1)]).to_list(None)
        return [documents.read_transition(document) for document in found]

    async def deliveries_of(self, alert: str) -> list[Delivery]:
        """See the port."""
        with translating("read deliveries"):
            found = await self._mongo["deliveries"].find({"alert": alert}, sort=[("_id", 1)]).to_list(None)
        return [documents.read_delivery(document) for document in found]

    async def deliveries(self, after: Place | None, limit: int) -> list[Delivery]:
        """See the port."""
        return [
            documents.read_delivery(found) for found in await self._page("deliveries", {}, "created_at", after, limit)
        ]

    async def _page(
        self, collection: str, asked: Document, time: str, after: Place | None, limit: int
    ) -> list[Document]:
        if after is not None:
            asked = {**asked, "$or": [{time: {"$lt": after.at}}, {time: after.at, "_id": {"$lt": after.id}}]}
        with translating(f"read {collection}"):
            found = self._mongo[collection].find(asked, sort=[(time, -1), ("_id", -1)], limit=limit)
            return await found.to_list(None)  # type: ignore[no-any-return]

    async def phases(self) -> Mapping[tuple[str, str], int]:
        """See the port."""
        moved = {"$match": {"phase": {"$ne": Phase.OK.value}}}
        count = {"$group": {"_id": {"rule": "$rule", "phase": "$phase"}, "regions": {"$sum": 1}}}
        with translating("count states"):
            found = await self._mongo["states"].aggregate([moved, count]).to_list(None)
        return {(document["_id"]["rule"], document["_id"]["phase"]): document["regions"] for document in found}

    async def waiting_deliveries(self) -> int:
        """See the port."""
        with translating("count deliveries"):
            waiting = {"state": DeliveryState.WAITING.value}
            return await self._mongo["deliveries"].count_documents(waiting)  # type: ignore[no-any-return]


def _within(region: str) -> Document:
    """Match the region and all below it; the pattern is anchored, so that the index serves it."""
    return {} if region == NATION else {"region": {"$regex": rf"^{re.escape(region)}(\.|$)"}}
