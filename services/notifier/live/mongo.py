"""The world in MongoDB: loaded by whoever begins to evaluate, and written batch by batch under a fencing term.

Collections: `evaluator` (one document: `term`, `batch`, `positions`, `now`, `rules`, `directory`), the pieces of the
world (`regions`, `watches`, `digests`, `silences`), and `rules`, `alerts`, `decisions`, `deliveries`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from pymongo import DeleteOne, ReplaceOne, UpdateOne

from services.notifier.engine.directory import Directory
from services.notifier.engine.documents import digest_of, region_of, silence_of, watch_of
from services.notifier.engine.rules import Rule
from services.notifier.engine.world import RuleInForce, World
from services.notifier.files.entries import documented
from services.notifier.files.rule_files import rules_of
from services.notifier.live.batch import Batch
from services.notifier.live.inputs import Inputs
from services.notifier.live.regions import PackedRegion
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError, PermanentError

_EVALUATOR: Final = "evaluator"
_COLLECTIONS: Final = [
    "evaluator", "regions", "watches", "digests", "silences", "rules", "alerts", "decisions", "deliveries",
]  # fmt: skip
_EARLIER: Final = "transitions"
"""A collection of the notifier before ADR 0031, whose alerts and deliveries have another form."""


@dataclass(slots=True)
class Loaded:
    """The world as it was written last, where to read on, and the text of the rules in force (None: there were none).

    `batch`: the number of the last batch.
    """

    world: World
    positions: dict[int, int]
    batch: int
    rules_text: str | None


class WorldStore:
    """Loads and writes. Every write names the term under which its writer evaluates."""

    def __init__(self, mongo: Mongo, inputs: Inputs) -> None:
        self._mongo = mongo
        self._inputs = inputs

    async def prepare(self) -> None:
        """Create collections and indexes. Raises: PermanentError where an earlier version has written."""
        if _EARLIER in await self._mongo.names():
            raise PermanentError(
                "the database was written by a notifier before rules had kinds; drop it (alerts that still fire are "
                "raised anew) or set another CAKUPAN_NAMESPACE"
            )
        await self._mongo.create(_COLLECTIONS)
        with translating("prepare the notifier"):
            begun: Document = {"term": 0, "batch": 0, "now": None, "positions": {}, "rules": 0, "directory": 0}
            await self._mongo["evaluator"].update_one({"_id": _EVALUATOR}, {"$setOnInsert": begun}, upsert=True)
            await self._mongo["regions"].create_index("parent")
            await self._mongo["alerts"].create_index([("region", 1), ("raised_at", -1)])
            await self._mongo["alerts"].create_index([("raised_at", -1), ("_id", -1)])
            await self._mongo["decisions"].create_index([("alerts", 1), ("_id", 1)])

    async def load(self, term: int) -> Loaded:
        """Begin to evaluate under the term and return the world. Raises: FencedError when a newer term has begun."""
        with translating("begin to evaluate"):
            found = await self._mongo["evaluator"].find_one_and_update(
                {"_id": _EVALUATOR, "term": {"$lte": term}}, {"$set": {"term": term}}, return_document=True
            )
        if found is None:
            raise FencedError("another replica has begun to evaluate")
        world = World(PackedRegion)
        world.now = found["now"]
        text = await self._load_rules(world, found["rules"])
        world.directory = Directory(await self._inputs.officials(found["directory"]))
        async for each in self._all("regions"):
            world.regions[each["_id"]] = region_of(each, each["snapshot"], PackedRegion)
        async for each in self._all("watches"):
            world.watches[each["rule"], each["region"]] = watch_of(each)
        async for each in self._all("digests"):
            world.digests[each["rule"], each["official"]] = digest_of(each)
        async for each in self._all("silences"):
            world.silences[each["_id"]] = silence_of(each)
        positions = {partition: found["positions"].get(str(partition), 0) for partition in range(PARTITIONS)}
        return Loaded(world, positions, found["batch"], text)

    async def _load_rules(self, world: World, version: int) -> str | None:
        world.version = version
        with translating("read the rules"):
            found = await self._mongo["rules"].find_one({"_id": version})
        if found is None:
            return None
        rules = {rule.id: rule for rule in _read_rules(found["text"], version)}
        world.put_rules(RuleInForce.make(rules[id_], since, given) for id_, since, given in found["since"])
        return str(found["text"])

    async def _all(self, collection: str) -> AsyncIterator[Document]:
        with translating(f"load {collection}"):
            async for each in self._mongo[collection].find({}, batch_size=5_000):
                yield each

    async def write(self, term: int, number: int, batch: Batch) -> None:
        """Write a batch, all or nothing. `number` counts batches.

        Raises: FencedError when another has begun to evaluate or has written this number.
        """

        async def work(session: Session) -> None:
            moved = {"batch": number, "now": batch.now, "rules": batch.rules}
            moved |= {f"positions.{partition}": offset for partition, offset in batch.positions.items()}
            if batch.directory is not None:
                moved["directory"] = batch.directory
            mine = {"_id": _EVALUATOR, "term": term, "batch": number - 1}
            done = await self._mongo["evaluator"].update_one(mine, {"$set": moved}, session=session)
            if not done.matched_count:
                raise FencedError("another replica evaluates")
            for collection, operations in _operations(batch).items():
                await self._mongo[collection].bulk_write(operations, ordered=False, session=session)
            for collection, documents in (("decisions", _numbered(number, batch)), ("deliveries", batch.deliveries)):
                if documents:
                    await self._mongo[collection].insert_many(documents, ordered=False, session=session)

        await self._mongo.transact(work)


def _read_rules(text: str, version: int) -> tuple[Rule, ...]:
    """Return rules that were accepted when they were given: a region may have been retired since."""
    where = f"rules of version {version}"
    return rules_of(documented(text, where), where, lambda _code: True)


def _operations(batch: Batch) -> dict[str, list[Any]]:
    """Return the operations of each collection; each document is in one of them."""
    found: dict[str, list[Any]] = {}
    for collection, documents in batch.writes.items():
        found[collection] = [
            DeleteOne({"_id": id_}) if document is None else ReplaceOne({"_id": id_}, document, upsert=True)
            for id_, document in documents.items()
        ]
    for collection, changes in batch.changes.items():
        found[collection] = [
            UpdateOne({"_id": id_}, {"$set": fields}, upsert=is_new) for id_, (fields, is_new) in changes.items()
        ]
    return found


def _numbered(number: int, batch: Batch) -> list[Document]:
    """Return the decisions, whose ids are in their order."""
    return [{"_id": f"{number:012d}/{at:06d}", **decision} for at, decision in enumerate(batch.decisions)]
