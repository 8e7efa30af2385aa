"""What the API reads of the notifier's database. The evaluator and the deliverer write it; this only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from services.notifier.delivery.mongo import PageStart
from services.notifier.engine.directory import Directory
from services.notifier.engine.rules import Rule
from services.notifier.files.versions import Versions
from shared.adapters.mongo import Document, Mongo, at_or_below, translating
from shared.regions.codes import NATION

_DECISIONS_AT_MOST: Final = 1_000
"""Of one alert: a year of daily repeats to three officials. Older ones are left out."""
_WITHOUT_SNAPSHOT: Final = {"raised_by": 0}


class Records:
    """Alerts, decisions, rules, directories and silences."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._versions = Versions(mongo)

    async def prepare(self) -> None:
        """Create the indexes that only reading needs. The collections exist."""
        with translating("prepare the API"):
            # An alert lists its region and all above, so one index has those of any region in their order.
            newest_first = [("raised_at", -1), ("_id", -1)]
            await self._mongo["alerts"].create_index([("lineage", 1), *newest_first])
            # A new rule may find tens of thousands of villages beyond its line at first sight.
            await self._mongo["alerts"].create_index([("lineage", 1), ("quiet", 1), *newest_first], name="quiet")
            await self._mongo["inputs"].create_index([("kind", 1), ("silence.id", 1), ("_id", -1)])
            used = {"link": {"$type": "string"}}
            await self._mongo["inputs"].create_index("link", unique=True, partialFilterExpression=used)

    async def alerts(
        self,
        region: str,
        states: Sequence[str],
        acknowledged: bool | None,
        quiet: bool | None,
        after: PageStart | None,
        limit: int,
    ) -> list[Document]:
        """Return alerts of the region and all below it, newest first, without their snapshots; no states: all."""
        query: Document = {"lineage": region}
        if states:
            query["state"] = {"$in": list(states)}
        if acknowledged is not None:
            query["acknowledged"] = {"$ne": None} if acknowledged else None
        if quiet is not None:
            query["quiet"] = quiet
        if after is not None:
            query = after.query("raised_at", query)
        with translating("list alerts"):
            found = self._mongo["alerts"].find(
                query, _WITHOUT_SNAPSHOT, sort=[("raised_at", -1), ("_id", -1)], limit=limit
            )
            return await found.to_list(None)  # type: ignore[no-any-return]

    async def alert(self, id_: str) -> Document | None:
        """Return an alert with the packed snapshot that raised it."""
        return await self._one("alerts", id_)

    async def decisions(self, alert: str) -> list[Document]:
        """Return the decisions about an alert, in their order."""
        with translating("read decisions"):
            found = self._mongo["decisions"].find({"alerts": alert}, sort=[("_id", -1)], limit=_DECISIONS_AT_MOST)
            return (await found.to_list(None))[::-1]  # type: ignore[no-any-return]

    async def newest(self, region: str) -> Document | None:
        """Return the document of a region, whose `snapshot` is packed."""
        return await self._one("regions", region)

    async def below(self, region: str) -> list[Document]:
        """Return the documents of the regions right below, by code."""
        with translating("read regions"):
            found = self._mongo["regions"].find({"parent": region}, sort=[("_id", 1)])
            return await found.to_list(None)  # type: ignore[no-any-return]

    async def regions_in(self, region: str, limit: int) -> list[Document]:
        """Return the documents of the region and of regions below it, the largest first."""
        query: Document = {}
        if region != NATION:
            query["_id"] = at_or_below(region)
        with translating("read regions"):
            code = {"$cond": [{"$eq": ["$_id", NATION]}, "", "$_id"]}
            pipeline = [
                {"$match": query}, {"$set": {"length": {"$strLenBytes": code}}},
                {"$sort": {"length": 1, "_id": 1}}, {"$limit": limit},
            ]  # fmt: skip
            return await self._mongo["regions"].aggregate(pipeline).to_list(None)  # type: ignore[no-any-return]

    async def rules(self) -> tuple[int, Mapping[str, Rule]]:
        """Return the number of the version of the rules in force, 0 before the first, and its rules by id."""
        version = (await self._in_force())["rules"]
        return version, await self._versions.rules(version)

    async def rules_of_version(self, version: int) -> Mapping[str, Rule]:
        """Return the rules of a version by id; none where the version is not known."""
        return await self._versions.rules(version)

    async def rule_versions(self) -> list[Document]:
        """Return all versions of the rules, the newest first, without their text."""
        with translating("list rules"):
            found = self._mongo["rules"].find({}, {"given_at": 1}, sort=[("_id", -1)])
            return await found.to_list(None)  # type: ignore[no-any-return]

    async def rules_text(self, version: int) -> str | None:
        """Return the text of a version."""
        found = await self._one("rules", version)
        return None if found is None else str(found["text"])

    async def directory(self) -> tuple[int, Directory]:
        """Return the number of the version of the directory in force, 0 before the first, and the directory."""
        version = (await self._in_force())["directory"]
        return version, await self._versions.directory(version)

    async def directory_versions(self) -> list[Document]:
        """Return all versions of the directory, the newest first, each with the number of its officials."""
        fields = {"given_at": 1, "by": 1, "officials": {"$size": "$officials"}}
        with translating("list directories"):
            pipeline = [{"$project": fields}, {"$sort": {"_id": -1}}]
            return await self._mongo["directories"].aggregate(pipeline).to_list(None)  # type: ignore[no-any-return]

    async def directory_version(self, version: int) -> Document | None:
        """Return a version of the directory."""
        return await self._one("directories", version)

    async def silences(self) -> list[Document]:
        """Return the silences in force, each with who gave it, when and why."""
        with translating("list silences"):
            found = await self._mongo["silences"].find({}, sort=[("until", 1), ("_id", 1)]).to_list(None)
            given = {"kind": "silence", "applied_at": {"$ne": None}}
            return [
                {**each, "given": await self._mongo["inputs"].find_one(
                    {**given, "silence.id": each["_id"]}, sort=[("_id", -1)]
                )}
                for each in found
            ]  # fmt: skip

    async def silence(self, id_: str) -> Document | None:
        """Return a silence in force."""
        return await self._one("silences", id_)

    async def is_used(self, link: str) -> bool:
        """Say whether an alert was acknowledged by this link."""
        with translating("read an input"):
            # It names the type, as MongoDB would not use the partial index otherwise.
            asked = {"link": {"$type": "string", "$eq": link}}
            return await self._mongo["inputs"].find_one(asked, {"_id": 1}) is not None

    async def input(self, number: int) -> Document | None:
        """Return an input."""
        return await self._one("inputs", number)

    async def _in_force(self) -> Document:
        return await self._one("evaluator", "evaluator") or {"rules": 0, "directory": 0}

    async def _one(self, collection: str, id_: object) -> Document | None:
        with translating(f"read {collection}"):
            return await self._mongo[collection].find_one({"_id": id_})  # type: ignore[no-any-return]
