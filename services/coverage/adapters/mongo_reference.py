"""Versioned reference data in MongoDB.

Collections: `potentials` (one a row, immutable; `_id` is its place in the order by region, basis and version),
`revisions` (a number that grows with every change, by which other replicas notice it).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from pymongo import ReturnDocument

from services.coverage.domain.reference import Figure, Row, is_news
from shared.adapters.mongo import Document, Mongo, Session, translating

COLLECTIONS: Final = ["potentials", "revisions"]
_REVISION: Final = "potentials"


class MongoReference:
    """The store of potentials."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Make collections, indexes and the revision exist."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare reference data"):
            await self._mongo["potentials"].create_index("revision")
            await self._mongo["potentials"].create_index([("region", 1), ("_id", 1)])
            await self._mongo["revisions"].update_one({"_id": _REVISION}, {"$setOnInsert": {"n": 0}}, upsert=True)

    async def add(self, figures: Sequence[Figure], recorded_at: datetime) -> list[Row]:
        """See the port. Two imports at once meet at the revision: the second sees what the first recorded."""
        # MongoDB keeps milliseconds: what is returned now is what will be read later.
        at = recorded_at.replace(microsecond=recorded_at.microsecond // 1000 * 1000)

        async def work(session: Session) -> list[Row]:
            revision = await self._next_revision(session)
            known = await self._known({figure.region for figure in figures}, session)
            rows = _as_rows(figures, known, at)
            if rows:
                documents = [_document(row, revision) for row in rows]
                await self._mongo["potentials"].insert_many(documents, ordered=False, session=session)
            return rows

        return await self._mongo.transact(work)

    async def _next_revision(self, session: Session) -> int:
        moved = await self._mongo["revisions"].find_one_and_update(
            {"_id": _REVISION}, {"$inc": {"n": 1}}, session=session, return_document=ReturnDocument.AFTER
        )
        return int(moved["n"])

    async def _known(self, regions: Iterable[str], session: Session) -> list[Row]:
        found = await self._mongo["potentials"].find({"region": {"$in": list(regions)}}, session=session).to_list(None)
        return [_row(document) for document in found]

    async def since(self, revision: int) -> tuple[int, list[Row]]:
        """See the port. Rows first named by a revision are there when the revision is: both come in one transaction."""
        with translating("read reference data"):
            present = await self._mongo["revisions"].find_one({"_id": _REVISION})
            if present is None or present["n"] == revision:
                return revision, []
            newer = {"revision": {"$gt": revision, "$lte": present["n"]}}
            found = await self._mongo["potentials"].find(newer).to_list(None)
        return int(present["n"]), [_row(document) for document in found]

    async def page(self, region: str | None, after: str, limit: int) -> list[tuple[str, Row]]:
        """See the port."""
        asked = {"_id": {"$gt": after}, **({"region": region} if region else {})}
        with translating("read potentials"):
            found = await self._mongo["potentials"].find(asked).sort("_id", 1).limit(limit).to_list(None)
        return [(document["_id"], _row(document)) for document in found]


def _as_rows(figures: Sequence[Figure], known: Sequence[Row], at: datetime) -> list[Row]:
    """Return those of the figures that are news as rows, numbered on from what is known."""
    by_series: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in known:
        by_series[row.figure.region, row.figure.basis].append(row)
    versions = Counter({series: len(rows) for series, rows in by_series.items()})
    news: list[Row] = []
    for figure in figures:
        series = (figure.region, figure.basis)
        if is_news(figure, by_series[series]):
            versions[series] += 1
            news.append(Row(figure, at, versions[series]))
    return news


def _document(row: Row, revision: int) -> Document:
    figure = row.figure
    return {
        "_id": f"{figure.region} {figure.basis} {row.version:06d}",
        "region": figure.region,
        "basis": figure.basis,
        "valid_from": figure.valid_from.isoformat(),
        "value": figure.value,
        "source": figure.source,
        "definition": figure.definition,
        "recorded_at": row.recorded_at,
        "version": row.version,
        "revision": revision,
    }


def _row(document: Document) -> Row:
    figure = Figure(
        document["region"],
        document["basis"],
        date.fromisoformat(document["valid_from"]),
        document["value"],
        document["source"],
        document["definition"],
    )
    return Row(figure, document["recorded_at"], document["version"])
