"""Positions, snapshots, states and alerts in MongoDB.

Collections: `positions` (one a partition), `snapshots` (the latest of each region), `states` (one a rule and region),
`transitions`, `alerts`, `deliveries`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from pymongo import InsertOne, UpdateOne

from services.notifier.adapters import mongo_documents as documents
from services.notifier.application.alerts import AlertState, Delivery, Transition
from services.notifier.application.evaluate import order_of
from services.notifier.application.ports import Findings, SnapshotOrder, StateKey, Transaction
from services.notifier.domain.hysteresis import WAITING, RuleState
from services.notifier.domain.ids import alert_id
from shared.adapters.mongo import Document, DuplicateError, Mongo, Session, translating
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError

COLLECTIONS: Final = ["positions", "snapshots", "states", "transitions", "alerts", "deliveries"]
T = TypeVar("T")


class MongoStore:
    """The store of the evaluator."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Create collections, indexes and one position a partition."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare the notifier"):
            await self._mongo["snapshots"].create_index("parent")
            await self._mongo["states"].create_index([("region", 1), ("rule", 1)])
            await self._mongo["states"].create_index([("phase", 1), ("rule", 1)])
            await self._mongo["transitions"].create_index([("rule", 1), ("region", 1), ("belongs_to", 1)])
            await self._mongo["alerts"].create_index([("region", 1), ("raised_at", -1)])
            await self._mongo["alerts"].create_index([("raised_at", -1), ("_id", -1)])
            await self._mongo["deliveries"].create_index([("state", 1), ("due_at", 1)])
            await self._mongo["deliveries"].create_index([("created_at", -1), ("_id", -1)])
            await self._mongo["deliveries"].create_index("alert")
            for partition in range(PARTITIONS):
                start = {"$setOnInsert": {"next_offset": 0}}
                await self._mongo["positions"].update_one({"_id": partition}, start, upsert=True)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """See the port."""

        async def inside(session: Session) -> T:
            return await work(_MongoTransaction(self._mongo, session))

        try:
            return await self._mongo.transact(inside)
        except DuplicateError as error:
            raise FencedError("another replica made the same transition") from error

    async def positions(self, partitions: Collection[int]) -> dict[int, int]:
        """See the port."""
        with translating("read positions"):
            found = await self._mongo["positions"].find({"_id": {"$in": list(partitions)}}).to_list(None)
        return {document["_id"]: document["next_offset"] for document in found}

    async def waiting(self, rules: Collection[str]) -> dict[StateKey, RuleState]:
        """See the port."""
        query = {"phase": {"$in": [phase.value for phase in WAITING]}, "rule": {"$in": list(rules)}}
        with translating("read waiting states"):
            return await _states(self._mongo["states"].find(query))


class _MongoTransaction:
    """See the port."""

    def __init__(self, mongo: Mongo, session: Session) -> None:
        self._mongo = mongo
        self._session = session

    async def move_positions(self, moves: Mapping[int, tuple[int, int]]) -> None:
        updates = [
            UpdateOne({"_id": partition, "next_offset": before}, {"$set": {"next_offset": after}})
            for partition, (before, after) in moves.items()
        ]
        moved = await self._mongo["positions"].bulk_write(updates, ordered=False, session=self._session)
        if moved.matched_count < len(updates):
            raise FencedError(f"another replica has moved on one of the partitions {list(moves)}")

    async def orders(self, regions: Collection[str]) -> dict[str, SnapshotOrder]:
        found = self._mongo["snapshots"].find(
            {"_id": {"$in": list(regions)}}, {"position": 1, "as_of": 1}, session=self._session
        )
        return {document["_id"]: (document["position"], document["as_of"]) async for document in found}

    async def latest(self, region: str) -> Snapshot | None:
        document = await self._mongo["snapshots"].find_one({"_id": region}, session=self._session)
        return documents.read_snapshot(document) if document else None

    async def states(self, regions: Collection[str]) -> dict[StateKey, RuleState]:
        return await _states(self._mongo["states"].find({"region": {"$in": list(regions)}}, session=self._session))

    async def write(self, findings: Findings) -> None:
        await self._bulk("snapshots", [_replaced(snapshot) for snapshot in findings.snapshots.values()])
        for transition in findings.transitions:
            await self._change_state(transition)
        await self._bulk("transitions", [InsertOne(documents.transition_document(t)) for t in findings.transitions])
        await self._bulk("alerts", [_added(alert.id, documents.alert_document(alert)) for alert in findings.alerts])
        await self._bulk(
            "alerts", [update for transition in findings.transitions for update in _alert_updates(transition)]
        )
        await self._bulk("deliveries", [_added_delivery(delivery) for delivery in findings.deliveries])

    async def _change_state(self, transition: Transition) -> None:
        """Write the state if it has the version before; if a first transition has not, its key exists already."""
        before = transition.state.version - 1
        expected = {"_id": documents.state_id(transition.rule, transition.region), "version": before}
        moved = await self._mongo["states"].update_one(
            expected, {"$set": documents.state_document(transition)}, upsert=before == 0, session=self._session
        )
        if moved.matched_count == 0 and before > 0:
            raise FencedError(f"rule {transition.rule} in {transition.region} was changed by another replica")

    async def _bulk(self, collection: str, writes: list[Any]) -> None:
        if writes:
            await self._mongo[collection].bulk_write(writes, session=self._session)


async def _states(found: Any) -> dict[StateKey, RuleState]:
    return {(document["rule"], document["region"]): documents.read_state(document) async for document in found}


def _replaced(snapshot: Snapshot) -> UpdateOne:
    document = documents.snapshot_document(snapshot, order_of(snapshot))
    return UpdateOne({"_id": snapshot.region}, {"$set": document}, upsert=True)


def _added(id_: str, document: Document) -> UpdateOne:
    return UpdateOne({"_id": id_}, {"$setOnInsert": document}, upsert=True)


def _added_delivery(delivery: Delivery) -> UpdateOne:
    return _added(delivery.id, documents.delivery_document(delivery))


def _alert_updates(transition: Transition) -> list[UpdateOne]:
    """Return how the transition changes its alert."""
    if transition.alert_state is None:
        return []
    cleared_at = transition.at if transition.alert_state is AlertState.CLEARED else None
    change = {"$set": {"state": transition.alert_state.value, "cleared_at": cleared_at}}
    return [UpdateOne({"_id": alert_id(transition.rule, transition.region, transition.episode)}, change)]
