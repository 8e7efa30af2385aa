"""The world in MongoDB: loaded by whoever begins to evaluate, and written batch by batch under a fencing term.

Collections: `evaluator` (one document: `term`, `batch`, `positions`, `now`, `rules`, `directory`), the pieces of the
world (`regions`, `watches`, `digests`, `silences`), `rules`, `alerts`, `decisions`, `deliveries`, and `journal`, the
parts of a batch that is too large for one transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

from pymongo import DeleteOne, ReplaceOne, UpdateOne

from services.notifier.engine.documents import digest_of, region_of, silence_of, watch_of
from services.notifier.engine.world import RuleInForce, World
from services.notifier.files.versions import Versions, accepted_rules
from services.notifier.live.batch import Batch
from services.notifier.live.regions import PackedRegion
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError, PermanentError
from shared.runtime.tasks import Turn

_EVALUATOR: Final = "evaluator"
_COLLECTIONS: Final = [
    "evaluator", "regions", "watches", "digests", "silences", "rules", "alerts", "decisions", "deliveries",
    "journal",
]  # fmt: skip
_AT_ONCE: Final = 20_000
"""Changes of a transaction: some 30 MB, and a second or two of the ten that a server may allow."""
_PART: Final = 2_000
"""Changes of a part of the journal, which is one document of at most 16 MB."""
_EARLIER: Final = "transitions"
"""A collection of the notifier before ADR 0031, whose alerts and deliveries have another form."""


class _Change(NamedTuple):
    """A change of one document. Made twice, it changes no more than once, which a part of a journal relies on."""

    collection: str
    how: Literal["delete", "replace", "begin", "set", "insert"]
    id: str | int
    fields: Document | None


_OPERATIONS: Final[dict[str, Callable[[str | int, Document | None], Any]]] = {
    "delete": lambda id_, _: DeleteOne({"_id": id_}),
    "replace": lambda id_, fields: ReplaceOne({"_id": id_}, fields, upsert=True),
    "begin": lambda id_, fields: UpdateOne({"_id": id_}, {"$set": fields}, upsert=True),
    "set": lambda id_, fields: UpdateOne({"_id": id_}, {"$set": fields}),
    "insert": lambda id_, fields: UpdateOne({"_id": id_}, {"$setOnInsert": fields}, upsert=True),
}


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

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._versions = Versions(mongo)

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
            await self._mongo["decisions"].create_index([("alerts", 1), ("_id", 1)])

    async def load(self, term: int) -> Loaded:
        """Begin to evaluate under the term and return the world. Raises: FencedError when a newer term has begun."""
        with translating("begin to evaluate"):
            found = await self._mongo["evaluator"].find_one_and_update(
                {"_id": _EVALUATOR, "term": {"$lte": term}}, {"$set": {"term": term}}, return_document=True
            )
        if found is None:
            raise FencedError("another replica has begun to evaluate")
        if found.get("journal"):
            await self._finish(term, found["journal"])
        world = World(PackedRegion)
        world.now = found["now"]
        text = await self._load_rules(world, found["rules"])
        world.directory = await self._versions.directory(found["directory"])
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
        rules = {rule.id: rule for rule in accepted_rules(found["text"], version)}
        world.put_rules(RuleInForce.make(rules[id_], since, given) for id_, since, given in found["since"])
        return str(found["text"])

    async def _all(self, collection: str) -> AsyncIterator[Document]:
        turn = Turn()
        with translating(f"load {collection}"):
            async for each in self._mongo[collection].find({}, batch_size=5_000):
                yield each
                await turn.give_way()

    async def write(self, term: int, number: int, batch: Batch) -> None:
        """Write a batch, all or nothing. `number` counts batches.

        Raises: FencedError when another has begun to evaluate or has written this number.
        """
        moved = {"batch": number, "now": batch.now, "rules": batch.rules}
        moved |= {f"positions.{partition}": offset for partition, offset in batch.positions.items()}
        if batch.directory is not None:
            moved["directory"] = batch.directory
        mine, changes = {"term": term, "batch": number - 1}, list(_changes(number, batch))
        if len(changes) <= _AT_ONCE:
            await self._mongo.transact(lambda session: self._change(mine, moved, changes, session))
        else:
            await self._write_in_parts(term, mine, moved, changes)

    async def _write_in_parts(self, term: int, mine: Document, moved: Document, changes: Sequence[_Change]) -> None:
        """Write what is too much for one transaction: new rules may touch every region.

        1. All parts are kept in the journal. 2. The batch counts. 3. Each part is written in a transaction of its own,
        alerts before their deliveries.
        A crash before 2 leaves parts that nobody reads; after it, whoever loads the world writes the others first.
        """
        parts = [changes[first : first + _PART] for first in range(0, len(changes), _PART)]
        with translating("keep a large batch"):
            await self._mongo["journal"].delete_many({})
            for at, part in enumerate(parts):
                await self._mongo["journal"].insert_one({"_id": f"{term}/{at}", "changes": part})
        journal = {"term": term, "parts": len(parts), "next": 0}
        await self._mongo.transact(lambda session: self._change(mine, moved | {"journal": journal}, [], session))
        await self._finish(term, journal)

    async def _finish(self, term: int, journal: Document) -> None:
        """Write the parts of the journal that are not written yet."""
        for at in range(journal["next"], journal["parts"]):
            with translating("read a part of a large batch"):
                kept = await self._mongo["journal"].find_one({"_id": f"{journal['term']}/{at}"})
            mine, changes = {"term": term, "journal.next": at}, [_Change(*change) for change in kept["changes"]]
            is_last = at + 1 == journal["parts"]
            moved = {"journal": None} if is_last else {"journal.next": at + 1}
            await self._mongo.transact(partial(self._change, mine, moved, changes))
        with translating("forget a large batch"):
            await self._mongo["journal"].delete_many({})

    async def _change(self, mine: Document, moved: Document, changes: Sequence[_Change], session: Session) -> None:
        """Move the evaluator's document on, if it is as this evaluator left it, and make the changes."""
        done = await self._mongo["evaluator"].update_one({"_id": _EVALUATOR, **mine}, {"$set": moved}, session=session)
        if not done.matched_count:
            raise FencedError("another replica evaluates")
        for collection, some in groupby(changes, lambda change: change.collection):
            operations = [_OPERATIONS[change.how](change.id, change.fields) for change in some]
            await self._mongo[collection].bulk_write(operations, ordered=False, session=session)


def _changes(number: int, batch: Batch) -> Iterator[_Change]:
    """Yield the changes, collection by collection; of each document there is one."""
    for collection, documents in batch.writes.items():
        for id_, document in documents.items():
            yield _Change(collection, "delete" if document is None else "replace", id_, document)
    for collection, changes in batch.changes.items():
        for id_, (fields, is_new) in changes.items():
            yield _Change(collection, "begin" if is_new else "set", id_, fields)
    for at, decision in enumerate(batch.decisions):
        # Ids in the order in which it was decided.
        yield _Change("decisions", "insert", f"{number:012d}/{at:06d}", decision)
    for delivery in batch.deliveries:
        yield _Change("deliveries", "insert", delivery["_id"], delivery)
