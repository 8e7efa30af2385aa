"""Counters, flows and checkpoints in MongoDB.

Collections: `checkpoints` (one document for each partition), `counters` (one for each block and partition: a district
with its villages, a regency, or a partition's part of a province or the nation; with the flows of the windows) and
`pages` (the log of all steps, by region and stretch of a partition's numbers). A later generation has counters and
pages in its own collections. Every checkpoint names the live generation, so it cannot change during a flush (ADR 0020).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Final

from pymongo import UpdateOne

from services.coverage.counting.domain.flows import add_flows
from services.coverage.counting.domain.movements import SUMMED_LEVELS
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import Period, RegionCounts, Timeline, Version
from services.coverage.counting.domain.rollup import Rollup
from services.coverage.counting.mongo.blocks import Addition, Block, additions, block_of, people_in, regions_in
from services.coverage.counting.mongo.folded import FoldedPages, Read, Stretches, stretches
from services.coverage.counting.mongo.pages import (
    Sums,
    add_movements,
    add_steps,
    page_updates,
    query,
    take_from_villages,
    width_of,
)
from services.coverage.counting.ports import Checkpoint, Flush
from shared.adapters.mongo import Collection as Collected
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import level_of, regency_of
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.tasks import Turn, in_turns

COLLECTIONS: Final = ["checkpoints", "counters", "pages"]
"""Collections of the first generation; later ones have a number behind the name."""


_LARGE: Final = 20_000
"""Bytes of a page that a thread unpacks, since they take milliseconds; to ask a thread takes a tenth of one."""


def of_generation(collection: str, generation: int) -> str:
    """Return the name of a generation's collection: counters, pages, or its checkpoints while it is being built."""
    return f"{collection}_{generation}" if generation else collection


class MongoStore:
    """Coverage's store: the live generation, or generation `building`, which a rebuild makes beside it."""

    def __init__(self, mongo: Mongo, building: int | None = None) -> None:
        self._mongo = mongo
        self._building = building
        self._checkpoints = of_generation("checkpoints", building or 0)
        self._folded = FoldedPages()
        self._live = 0

    async def prepare(self) -> None:
        """Create the collections, indexes and checkpoints that do not exist yet."""
        await self._mongo.create([self._checkpoints])
        with translating("prepare checkpoints"):
            start = {"$setOnInsert": _checkpoint(Position(), behind=False)}
            await self._mongo[self._checkpoints].bulk_write(
                [UpdateOne({"_id": partition}, start, upsert=True) for partition in range(PARTITIONS)], ordered=False
            )
        generation = await self._generation()
        counters, pages = of_generation("counters", generation), of_generation("pages", generation)
        await self._mongo.create([counters, pages])
        await self._check_layout(counters)
        with translating("prepare counters"):
            await self._mongo[counters].create_index("block")
            await self._mongo[counters].create_index([("partition", 1), ("block", 1)])
            await self._mongo[pages].create_index([("region", 1), ("effective_until", 1)])
            await self._mongo[pages].create_index([("region", 1), ("recorded_until", 1)])

    async def _check_layout(self, counters: str) -> None:
        """Raises: PermanentError if an earlier version wrote the counters: this version would read them as empty."""
        with translating("read the layout of the counters"):
            found = await self._mongo[counters].find_one({}, {"parts": 1})
        if found and not isinstance(found["parts"], list):
            raise PermanentError(
                f"an earlier version wrote the collection {counters}: drop checkpoints, counters and pages of this "
                "database (not reference), and all is counted anew from the topic"
            )

    async def _generation(self, session: Session = None) -> int:
        """Return the generation, as the session sees it if there is one."""
        return await generation_of(self._mongo, session) if self._building is None else self._building

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """See the port."""
        with translating("read checkpoints"):
            found = await self._mongo[self._checkpoints].find().to_list(None)
        return {
            doc["_id"]: Checkpoint(
                Position(doc["next_seq"], doc["next_offset"]),
                doc["behind"],
                doc.get("resumed", 0),
                doc.get("generation", 0),
            )
            for doc in found
        }

    async def apply(self, flushes: Sequence[Flush]) -> None:
        """See the port. Checkpoints move first, so the second of two writers at one position meets a conflict there."""
        added, pages = await asyncio.to_thread(_written, flushes)

        async def work(session: Session) -> None:
            moves = [_move(flush) for flush in flushes]
            moved = await self._mongo[self._checkpoints].bulk_write(moves, ordered=False, session=session)
            if moved.matched_count < len(flushes):
                if await self._mongo[self._checkpoints].find_one(_HELD, session=session):
                    raise TransientError("a new generation is taking over; the flush comes after it")
                raise FencedError(f"of partitions {[flush.partition for flush in flushes]} one has moved on")
            generation = await self._generation(session)
            counters = self._mongo[of_generation("counters", generation)]
            for into, updates in (
                (counters, await _updates(added, counters, session)),
                (self._mongo[of_generation("pages", generation)], pages),
            ):
                if updates:
                    await into.bulk_write(updates, ordered=False, session=session)

        await self._mongo.transact(work)

    async def mark_caught_up(self, partitions: Collection[int]) -> None:
        """See the port."""
        with translating("mark partitions caught up"):
            await self._mongo[self._checkpoints].update_many(
                {"_id": {"$in": list(partitions)}}, {"$set": {"behind": False}}
            )

    async def resume(self, partition: int, before: Position, after: Position) -> None:
        """See the port."""
        with translating("resume a partition"):
            moved = await self._mongo[self._checkpoints].update_one(
                {"_id": partition, **_position(before)}, {"$set": _position(after), "$inc": {"resumed": 1}}
            )
        if not moved.matched_count:
            raise FencedError(f"partition {partition} has moved on meanwhile: it is not stopped")

    async def figures(
        self, regions: Collection[str], flows_from: date | None, known: Mapping[str, Version] | None = None
    ) -> dict[str, RegionCounts]:
        """See the port."""
        before = known or {}
        if await self._all_at(regions, before):
            return {}

        async def work(session: Session) -> dict[str, RegionCounts]:
            counters = await self._counters(session)
            present = await counters.versions(before)
            wanted = [region for region in regions if region not in before or present[region] != before[region]]
            figures = {region: RegionCounts(generation=counters.generation) for region in wanted}
            await counters.add_to(figures, flows_from)
            return figures

        return await self._mongo.transact(work)

    async def timelines(
        self, regions: Collection[str], period: Period, known: Mapping[str, Version] | None = None
    ) -> dict[str, Timeline]:
        """See the port."""
        before = known or {}
        if await self._all_at(regions, before):
            return {}
        async with self.point_in_time() as counts:
            present = await counts.versions(before)
            wanted = [region for region in regions if region not in before or present[region] != before[region]]
            return await counts.timelines(wanted, period)

    @asynccontextmanager
    async def point_in_time(self) -> AsyncIterator[MongoPointInTime]:
        """See the port. A snapshot session may take longer than a transaction, as a day long ago does."""
        async with self._mongo.snapshot_read() as session:
            with translating("read checkpoints"):
                checkpoints = await self._mongo[self._checkpoints].find({}, session=session).to_list(None)
            counters = await self._counters(session)
            pages = self._mongo[of_generation("pages", counters.generation)]
            yield MongoPointInTime(pages, counters, session, self._folded, stretches(checkpoints))

    async def people(self, districts: Collection[str], period: Period | None) -> dict[str, dict[str, int]]:
        """See the port. A district is one document, so those of now need no snapshot."""
        if period is not None:
            async with self.point_in_time() as counts:
                return await counts.people(districts, period)
        with translating("read villages"):
            return await (await self._counters()).people(districts)

    async def _all_at(self, regions: Collection[str], known: Mapping[str, Version]) -> bool:
        """Say whether all these regions are still at their known version.

        Versions only grow. So one that is found unchanged has not changed since this call began either: what is known
        of all regions was true at that one point in time, without a transaction.
        """
        return known.keys() >= set(regions) and await self.versions(regions) == {r: known[r] for r in regions}

    async def versions(self, regions: Collection[str]) -> dict[str, Version]:
        """See the port. One round trip, unless another generation went live since the last one."""
        blocks, live = sorted({block_of(region) for region in regions}), self._live
        with translating("read versions"):
            if self._building is not None:
                return await (await self._counters()).versions(regions)
            asked = self._mongo["checkpoints"].aggregate(_asked_of_checkpoints(blocks, live), batchSize=_ONE_BATCH)
            found = await asked.to_list(None)
            # The pipeline begins with the checkpoint, if there is one.
            if (found[0].get("generation", 0) if found else 0) != live:
                counters = await self._counters()
                self._live = counters.generation
                return await counters.versions(regions)
        return await _versions(regions, live, (one for one in found if "block" in one))

    async def _counters(self, session: Session = None) -> _Counters:
        generation = await self._generation(session)
        return _Counters(self._mongo[of_generation("counters", generation)], generation, session)

    async def regions_of(self, partition: int) -> list[str]:
        """See the port."""
        counters = self._mongo[of_generation("counters", await self._generation())]
        with translating("read the regions of a partition"):
            found = await counters.find({"partition": partition}, {"_id": 0, "block": 1, "parts": 1}).to_list(None)
        return [region for doc in found if level_of(doc["block"]) not in SUMMED_LEVELS for region in regions_in(doc)]


class MongoPointInTime:
    """The timelines of regions, all read in one snapshot session."""

    def __init__(
        self, pages: Collected, counters: _Counters, session: Session, folded: FoldedPages, now: Stretches
    ) -> None:
        self._pages = pages
        self._counters = counters
        self._session = session
        self._folded = folded
        self._now = now

    async def timelines(self, regions: Collection[str], period: Period) -> dict[str, Timeline]:
        """See `Store.timelines`."""
        generation, turn, lines = self._counters.generation, Turn(), dict[str, Timeline]()
        for region in regions:
            lines[region] = Timeline(generation=generation)
            await turn.give_way()
        with translating("read the past"):
            await self._counters.add_to(lines, None)
            for line in lines.values():
                line.tally = line.tally.without(())
                await turn.give_way()
            above = [region for region in lines if level_of(region) in SUMMED_LEVELS]
            folded = await self._folded.read(self._pages, generation, above, self._now, self._session)
            await asyncio.to_thread(_add_folded, lines, folded, period)
            await self._add_pages(lines, {one for one in above if one not in folded}, period)
            await self._add_pages(lines, {regency_of(one) for one in lines if one not in above}, period)
        return lines

    async def versions(self, regions: Collection[str]) -> dict[str, Version]:
        """Return the version of each region at this point in time."""
        with translating("read versions"):
            return await self._counters.versions(regions)

    async def people(self, districts: Collection[str], period: Period) -> dict[str, dict[str, int]]:
        """See `Store.people`."""
        villages = await self._counters.people(districts)
        with translating("read the past"):
            for sums in (await self._sums(set(map(regency_of, districts)), period)).values():
                await asyncio.to_thread(take_from_villages, villages, sums)
        return villages

    async def _add_pages(self, lines: dict[str, Timeline], paged: Collection[str], period: Period) -> None:
        """Add what the pages of these regencies, or of nation and provinces, tell of the period."""
        for region, sums in (await self._sums(paged, period)).items():
            if level_of(region) in SUMMED_LEVELS:
                await asyncio.to_thread(add_movements, lines[region], sums, period)
            else:
                await asyncio.to_thread(add_steps, lines, sums, period)

    async def _sums(self, paged: Collection[str], period: Period) -> dict[str, Sums]:
        sums, turn = dict[str, Sums](), Turn()
        if not paged:
            return sums
        async for page in self._pages.find(query(paged, period), session=self._session):
            into = sums.setdefault(page["region"], Sums(period, width_of(page)))
            if sum(map(len, page["rows"])) > _LARGE:
                await asyncio.to_thread(into.add_page, page)
            else:
                into.add_page(page)
                await turn.give_way()
        return sums


def _add_folded(lines: Mapping[str, Timeline], folded: Mapping[str, Read], period: Period) -> None:
    for region, read in folded.items():
        read.add_to(lines[region], period)


class _Counters:
    """The counters of one generation, as a session sees them."""

    def __init__(self, collection: Collected, generation: int, session: Session) -> None:
        self._collection = collection
        self._session = session
        self.generation = generation

    async def add_to(self, counts: Mapping[str, RegionCounts], flows_from: date | None) -> None:
        """Add what was counted in each region. Flows are large, so they are read only if a first day is given."""
        turn = Turn()
        for held, document in await self._found(counts, {"flows": 0} if flows_from is None else None):
            block = Block.of(document)
            for region in held:
                counts[region].tally.add(block.tally(region))
                counts[region].position += document["position"]
                if flows_from is not None:
                    add_flows(counts[region].flows, block.flows_of(region, flows_from))
                await turn.give_way()

    async def people(self, districts: Collection[str]) -> dict[str, dict[str, int]]:
        """Return people by code of the profile, of each village of these districts."""
        villages = dict[str, dict[str, int]]()
        async for _, document in in_turns(await self._found(districts, {"block": 1, "people": 1})):
            villages.update(people_in(document))
        return villages

    async def versions(self, regions: Collection[str]) -> dict[str, Version]:
        """Return the version of each region."""
        found = await self._found(regions, {"block": 1, "position": 1})
        return await _versions(regions, self.generation, (document for _, document in found))

    async def _found(self, regions: Iterable[str], fields: Document | None) -> list[tuple[list[str], Document]]:
        held: dict[str, list[str]] = {}
        for region in regions:
            held.setdefault(block_of(region), []).append(region)
        if not held:
            return []
        query = {"block": {"$in": list(held)}}
        found = await self._collection.find(query, fields, session=self._session).to_list(None)
        return [(held[document["block"]], document) for document in found]


def _written(flushes: Sequence[Flush]) -> tuple[list[Addition], list[UpdateOne]]:
    """Return what is added to counters, and the updates of pages. Of a large flush that takes a while."""
    rolled_up = [(flush, Rollup(flush.sum, flush.flows_from)) for flush in flushes]
    added = [addition for flush, rollup in rolled_up for addition in additions(flush, rollup)]
    return added, [update for flush, rollup in rolled_up for update in page_updates(flush, rollup)]


async def _updates(added: Sequence[Addition], counters: Collected, session: Session) -> list[UpdateOne]:
    """Return the updates of the counters; documents to be summed are read in the flush's own transaction."""
    long = [one.identity for one in added if one.is_to_be_summed]
    found = await counters.find({"_id": {"$in": long}}, session=session).to_list(None) if long else []
    before = {document["_id"]: document for document in found}
    return [one.summed(before[one.identity]) if one.identity in before else one.appended() for one in added]


async def generation_of(mongo: Mongo, session: Session = None) -> int:
    """Return the live generation: all checkpoints name the same one."""
    with translating("read the generation"):
        found = await mongo["checkpoints"].find_one({"_id": 0}, {"generation": 1}, session=session)
    return int(found.get("generation", 0)) if found else 0


_ONE_BATCH: Final = 100_000
"""More documents than a region has districts and partitions: the answer comes whole, in one round trip."""


async def _versions(regions: Collection[str], generation: int, counters: Iterable[Document]) -> dict[str, Version]:
    """Return the version of each region: the sum of the positions of its block in all partitions."""
    positions = Counter[str]()
    async for document in in_turns(counters):
        positions[document["block"]] += document["position"]
    return {region: Version(generation, positions[block_of(region)]) async for region in in_turns(regions)}


def _asked_of_checkpoints(blocks: Sequence[str], generation: int) -> list[Document]:
    """Return the pipeline over the checkpoints that gives the live generation, then the positions in this one."""
    positions = [{"$match": {"block": {"$in": blocks}}}, {"$project": {"block": 1, "position": 1}}]
    counters = {"coll": of_generation("counters", generation), "pipeline": positions}
    return [{"$match": {"_id": 0}}, {"$project": {"generation": 1}}, {"$unionWith": counters}]


_HELD: Final[Document] = {"$expr": {"$gt": ["$held_until", "$$NOW"]}}
"""A checkpoint that may not move for a moment, so that a new generation can catch up with it."""


def _move(flush: Flush) -> UpdateOne:
    stands = {"_id": flush.partition, **_position(flush.before), "$nor": [_HELD]}
    return UpdateOne(stands, {"$set": _checkpoint(flush.after, behind=flush.behind)})


def _position(position: Position) -> Document:
    return {"next_seq": position.next_seq, "next_offset": position.next_offset}


def _checkpoint(position: Position, *, behind: bool) -> Document:
    return {**_position(position), "behind": behind}
