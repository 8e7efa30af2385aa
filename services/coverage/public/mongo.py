"""Releases in MongoDB.

Collections: `releases` (one a release, written last: without it nothing of a month is shown), `release_regions` (the
bytes that are sent, one document a region) and `release_figures` (the numbers before anything was hidden, one document
a family: they let a broken-off release go on, and `verify` compare it).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from pymongo import ReplaceOne

from services.coverage.public.domain.release import Month
from services.coverage.public.ports import Encoded, Release
from shared.adapters.mongo import Mongo, translating
from shared.regions.codes import level_of

_BEGUN: Final = "begun"
_COLLECTIONS: Final = ["releases", "release_regions", "release_figures"]


class MongoReleases:
    """See the port."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._releases, self._regions, self._figures = (mongo[name] for name in _COLLECTIONS)

    async def prepare(self) -> None:
        """Make collections and the index exist."""
        await self._mongo.create(_COLLECTIONS)
        with translating("prepare releases"):
            await self._regions.create_index([("month", 1), ("parent", 1)])

    async def all(self) -> list[Release]:
        """See the port."""
        with translating("list releases"):
            found = await self._releases.find().sort("_id", -1).to_list(None)
        return [Release(Month.parse(doc["_id"]), doc["made_at"], date.fromisoformat(doc["made_on"])) for doc in found]

    async def region(self, month: Month, region: str) -> bytes | None:
        """See the port."""
        with translating("read a release"):
            found = await self._regions.find_one({"_id": f"{month} {region}"}, {"body": 1})
        return None if found is None else bytes(found["body"])

    async def children(self, month: Month, parent: str) -> list[bytes]:
        """See the port."""
        with translating("read a release"):
            asked = {"month": str(month), "parent": parent}
            found = await self._regions.find(asked, {"body": 1}).sort("_id", 1).to_list(None)
        return [bytes(doc["body"]) for doc in found]

    async def begun(self, month: Month) -> datetime | None:
        """See the port."""
        with translating("read the figures of a release"):
            found = await self._figures.find_one({"_id": f"{month} {_BEGUN}"})
        return found["made_at"] if found else None

    async def begin(self, month: Month, made_at: datetime | None) -> None:
        """See the port."""
        with translating("begin a release"):
            if made_at is None:
                await self._figures.delete_many({"month": str(month)})
                await self._regions.delete_many({"month": str(month)})
            else:
                mark = {"month": str(month), "made_at": made_at}
                await self._figures.replace_one({"_id": f"{month} {_BEGUN}"}, mark, upsert=True)

    async def keep_figures(self, month: Month, family: str, figures: bytes) -> None:
        """See the port."""
        with translating("keep the figures of a release"):
            kept = {"month": str(month), "figures": figures}
            await self._figures.replace_one({"_id": f"{month} {family}"}, kept, upsert=True)

    async def figures(self, month: Month, family: str) -> bytes:
        """See the port."""
        with translating("read the figures of a release"):
            found = await self._figures.find_one({"_id": f"{month} {family}"})
        return bytes(found["figures"])

    async def write(self, month: Month, regions: Sequence[Encoded]) -> None:
        """See the port. Ordered, so that a regency's own document, which comes last, says that all below is there."""
        writes = [
            ReplaceOne(
                {"_id": f"{month} {one.region}"},
                {"month": str(month), "parent": one.parent, "body": one.body},
                upsert=True,
            )
            for one in regions
        ]
        with translating("write a release"):
            await self._regions.bulk_write(writes, ordered=True)

    async def written(self, month: Month) -> frozenset[str]:
        """See the port."""
        with translating("read a release"):
            found = await self._regions.find({"month": str(month)}, {"_id": 1}).to_list(None)
        regions = (doc["_id"].partition(" ")[2] for doc in found)
        return frozenset(region for region in regions if level_of(region) == "regency")

    async def publish(self, release: Release) -> None:
        """See the port."""
        with translating("publish a release"):
            await self._releases.insert_one(
                {"_id": str(release.month), "made_at": release.made_at, "made_on": str(release.made_on)}
            )
