"""Versioned reference data in MongoDB.

Collections: `reference` (one a row, immutable; `_id` is its place in the order by kind, region, series and version),
`revisions` (a number that grows with every import, by which other replicas notice it).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
from pymongo import ReturnDocument

from services.coverage.application.kinds.table import KINDS
from services.coverage.domain.reference import Figure, Row, numbered
from shared.adapters.mongo import Document, Mongo, Session, translating

COLLECTIONS: Final = ["reference", "revisions"]
_REVISION: Final = "reference"


class MongoReference:
    """The store of reference data."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Make collections, indexes and the revision exist."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare reference data"):
            await self._mongo["reference"].create_index("revision")
            await self._mongo["reference"].create_index([("kind", 1), ("region", 1), ("_id", 1)])
            await self._mongo["revisions"].update_one({"_id": _REVISION}, {"$setOnInsert": {"n": 0}}, upsert=True)

    async def add(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        """See the port. Two imports at once meet at the revision: the second sees what the first recorded."""

        async def work(session: Session) -> list[Row[Any]]:
            revision = await self._next_revision(session)
            rows = await self._news(figures, recorded_at, session)
            if rows:
                documents = [_document(row, revision) for row in rows]
                await self._mongo["reference"].insert_many(documents, ordered=False, session=session)
            return rows

        return await self._mongo.transact(work)

    async def news(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        """See the port."""
        with translating("read reference data"):
            return await self._news(figures, recorded_at, None)

    async def _next_revision(self, session: Session) -> int:
        moved = await self._mongo["revisions"].find_one_and_update(
            {"_id": _REVISION}, {"$inc": {"n": 1}}, session=session, return_document=ReturnDocument.AFTER
        )
        return int(moved["n"])

    async def _news(self, figures: Sequence[Figure[Any]], recorded_at: datetime, session: Session) -> list[Row[Any]]:
        # MongoDB keeps milliseconds: what is returned now is what will be read later.
        at = recorded_at.replace(microsecond=recorded_at.microsecond // 1000 * 1000)
        kinds, regions = {figure.kind.name for figure in figures}, {figure.region for figure in figures}
        same = {"kind": {"$in": list(kinds)}, "region": {"$in": list(regions)}}
        known = await self._mongo["reference"].find(same, session=session).to_list(None)
        return numbered(figures, [_row(document) for document in known], at)

    async def since(self, revision: int) -> tuple[int, list[Row[Any]]]:
        """See the port. Rows first named by a revision are there when the revision is: both come in one transaction."""
        with translating("read reference data"):
            present = await self._mongo["revisions"].find_one({"_id": _REVISION})
            if present is None or present["n"] == revision:
                return revision, []
            newer = {"revision": {"$gt": revision, "$lte": present["n"]}}
            found = await self._mongo["reference"].find(newer).to_list(None)
        return int(present["n"]), [_row(document) for document in found]

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, Row[Any]]]:
        """See the port."""
        asked = {"kind": kind, "_id": {"$gt": after}, **({"region": region} if region else {})}
        with translating(f"read {kind}"):
            found = await self._mongo["reference"].find(asked).sort("_id", 1).limit(limit).to_list(None)
        return [(document["_id"], _row(document)) for document in found]


def _document(row: Row[Any], revision: int) -> Document:
    figure = row.figure
    return {
        "_id": f"{figure.kind.name} {figure.region} {figure.series} {row.version:06d}",
        "kind": figure.kind.name,
        "region": figure.region,
        "series": figure.series,
        "valid_from": figure.valid_from.isoformat(),
        "value": msgspec.to_builtins(figure.value),
        "source": figure.source,
        "definition": figure.definition,
        "recorded_at": row.recorded_at,
        "version": row.version,
        "revision": revision,
    }


def _row(document: Document) -> Row[Any]:
    kind, value = KINDS[document["kind"]].kind, document["value"]
    figure = Figure(
        kind,
        document["region"],
        document["series"],
        date.fromisoformat(document["valid_from"]),
        None if value is None else msgspec.convert(value, kind.value),
        document["source"],
        document["definition"],
    )
    return Row(figure, document["recorded_at"], document["version"])
