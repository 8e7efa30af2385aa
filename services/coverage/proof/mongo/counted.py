"""All counters at one point in time, to be proved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.movements import Movement, Step
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.counting.mongo.blocks import Block, regions_in
from services.coverage.counting.mongo.pages import rows_of
from services.coverage.counting.mongo.store import generation_of, of_generation
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.regions.codes import level_of


class MongoCounted:
    """All counters and pages, to be read again."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    @asynccontextmanager
    async def point_in_time(self) -> AsyncIterator[MongoPointInTime]:
        """Give the counters as they are when it begins, while flushes go on."""
        async with self._mongo.snapshot_read() as session:
            yield MongoPointInTime(self._mongo, session, await generation_of(self._mongo, session))


class MongoPointInTime:
    """The collections as one session sees them, read partition by partition."""

    def __init__(self, mongo: Mongo, session: Session, generation: int) -> None:
        self._mongo = mongo
        self._session = session
        self._counters = of_generation("counters", generation)
        self._pages = of_generation("pages", generation)

    async def next_seq(self, partition: int) -> int:
        """Return the number up to which the partition was counted."""
        (found,) = [doc async for doc in self._find("checkpoints", {"_id": partition})]
        return int(found["next_seq"])

    async def regions(self, partition: int) -> list[str]:
        """Return the nation, the provinces and the regencies that have counters in this partition."""
        large = {"partition": partition, "block": {"$regex": r"^[^.]+(\.[^.]+)?$"}}
        return [doc["block"] async for doc in self._find(self._counters, large, {"block": 1, "_id": 0})]

    async def figures(self, partition: int, region: str, flows_from: date) -> dict[str, RegionCounts]:
        """Return the region as this partition counts it, with flows from that day on; of a regency, also all below."""
        family = f"^{re.escape(region)}" + (r"(\.|$)" if level_of(region) == "regency" else "$")
        asked = {"partition": partition, "block": {"$regex": family}}
        documents = [document async for document in self._find(self._counters, asked)]
        return await asyncio.to_thread(_figures, documents, flows_from)

    async def tallies(self, partition: int, regions: Sequence[str]) -> dict[str, Tally]:
        """Return each of these regions, nation, provinces or regencies, as this partition counts it."""
        tallies = {region: Tally() for region in regions}
        asked = {"partition": partition, "block": {"$in": list(regions)}}
        documents = [document async for document in self._find(self._counters, asked, {"flows": 0})]
        return tallies | await asyncio.to_thread(_tallies, documents)

    async def moved(self, partition: int, region: str) -> AsyncIterator[Sequence[tuple[Step | Movement, int]]]:
        """Yield the rows of the region's pages, each with its people: steps of a regency, else movements."""
        # Ids begin with region and partition: one range of their index holds just these pages. The region alone says
        # which shard has them.
        prefix = f"{region} {partition}"
        asked = {"region": region, "_id": {"$gt": f"{prefix} ", "$lt": f"{prefix}!"}}
        async for page in self._find(self._pages, asked, hint="_id_"):
            for rows in rows_of(page):
                yield rows

    async def _find(
        self, collection: str, asked: Document, fields: Document | None = None, hint: str | None = None
    ) -> AsyncIterator[Document]:
        with translating(f"read {collection}"):
            async for document in self._mongo[collection].find(asked, fields, hint=hint, session=self._session):
                yield document


def _figures(documents: Iterable[Document], flows_from: date) -> dict[str, RegionCounts]:
    figures: dict[str, RegionCounts] = {}
    for document in documents:
        block = Block.of(document)
        for one in regions_in(document):
            figures[one] = RegionCounts(block.tally(one), document["position"], block.flows_of(one, flows_from))
    return figures


def _tallies(documents: Iterable[Document]) -> dict[str, Tally]:
    return {document["block"]: Block.of(document).tally(document["block"]) for document in documents}
