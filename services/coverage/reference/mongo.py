"""Versioned reference data in MongoDB.

Collections: `reference` (one a row, immutable; `_id` is its place in the order by kind, region, series and version),
`reference_imports` (one an import that is recorded, numbered from 1: the revision by which other replicas notice it).
A row counts once the import of its `batch` is recorded: a file of all villages is too much for one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec

from services.coverage.reference.domain.reference import Figure, Row, numbered
from services.coverage.reference.kinds.table import KINDS
from shared.adapters.mongo import Document, DuplicateError, Mongo, translating
from shared.runtime.errors import TransientError

COLLECTIONS: Final = ["reference", "reference_imports"]
_TRIES: Final = 10
"""Of imports at once one is always recorded; who lost so often should hear that others are loading."""
_ABANDONED_AFTER: Final = timedelta(days=1)
"""An import takes seconds: rows that wait longer for theirs were left by a crash."""


class MongoReference:
    """The store of reference data."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Make collections and indexes exist."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare reference data"):
            await self._mongo["reference"].create_index("batch")
            await self._mongo["reference"].create_index([("kind", 1), ("region", 1), ("_id", 1)])

    async def add(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        """See the port. Two imports at once meet at the revision: the second sees what the first recorded."""
        for _ in range(_TRIES):
            past = await self._batches()
            rows = await self._news(figures, recorded_at, past)
            if not rows or await self._recorded(rows, past):
                return rows
        raise TransientError("other files of reference data keep being recorded; send this one again")

    async def _recorded(self, rows: Sequence[Row[Any]], past: Sequence[str]) -> bool:
        """Record the rows in three steps, unless another import came first: (1) the rows are written, (2) one document
        makes them count, (3) what crashed imports left is deleted.

        A crash before step 2 leaves rows that do not count, to be deleted by the first import of another day.
        """
        batch, reference = uuid4().hex, self._mongo["reference"]
        with translating("write reference data"):
            await reference.insert_many([_document(row, batch) for row in rows], ordered=False)
            try:
                with translating("record reference data"):
                    await self._mongo["reference_imports"].insert_one({"_id": len(past) + 1, "batch": batch})
            except DuplicateError:
                await reference.delete_many({"batch": batch})
                return False
            abandoned = {"$lt": rows[0].recorded_at - _ABANDONED_AFTER}
            await reference.delete_many({"batch": {"$nin": [*past, batch]}, "recorded_at": abandoned})
        return True

    async def news(self, figures: Sequence[Figure[Any]], recorded_at: datetime) -> list[Row[Any]]:
        """See the port."""
        return await self._news(figures, recorded_at, await self._batches())

    async def _batches(self, after: int = 0) -> list[str]:
        """Return the batches whose import is recorded, in the order of their revisions."""
        with translating("read imports of reference data"):
            found = await self._mongo["reference_imports"].find({"_id": {"$gt": after}}).sort("_id", 1).to_list(None)
        return [document["batch"] for document in found]

    async def _news(self, figures: Sequence[Figure[Any]], recorded_at: datetime, past: Sequence[str]) -> list[Row[Any]]:
        # MongoDB keeps milliseconds: what is returned now is what will be read later.
        at = recorded_at.replace(microsecond=recorded_at.microsecond // 1000 * 1000)
        kinds, regions = {figure.kind.name for figure in figures}, {figure.region for figure in figures}
        same = {"kind": {"$in": list(kinds)}, "region": {"$in": list(regions)}, "batch": {"$in": list(past)}}
        with translating("read reference data"):
            found = await self._mongo["reference"].find(same).to_list(None)
        # A file of all villages takes a second to compare: others must be served meanwhile.
        return await asyncio.to_thread(lambda: numbered(figures, [_row(document) for document in found], at))

    async def since(self, revision: int) -> tuple[int, list[Row[Any]]]:
        """See the port. All rows of an import are there before its revision is."""
        newer = await self._batches(revision)
        if not newer:
            return revision, []
        with translating("read reference data"):
            found = await self._mongo["reference"].find({"batch": {"$in": newer}}).to_list(None)
        return revision + len(newer), await asyncio.to_thread(lambda: [_row(document) for document in found])

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, Row[Any]]]:
        """See the port."""
        counting = {"$in": await self._batches()}
        asked = {"kind": kind, "batch": counting, "_id": {"$gt": after}, **({"region": region} if region else {})}
        with translating(f"read {kind}"):
            found = await self._mongo["reference"].find(asked).sort("_id", 1).limit(limit).to_list(None)
        return [(document["_id"], _row(document)) for document in found]


def _document(row: Row[Any], batch: str) -> Document:
    figure = row.figure
    return {
        "_id": f"{figure.kind.name} {figure.region} {figure.series} {row.version:06d} {batch}",
        "kind": figure.kind.name,
        "region": figure.region,
        "series": figure.series,
        "valid_from": figure.valid_from.isoformat(),
        "value": msgspec.to_builtins(figure.value),
        "source": figure.source,
        "definition": figure.definition,
        "recorded_at": row.recorded_at,
        "version": row.version,
        "batch": batch,
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
