"""Reference data in MongoDB.

Collections: `reference` (one document a row, never changed; `_id` sorts by kind, region, series and version) and
`reference_imports` (one document a recorded import, numbered from 1; other replicas notice a new number).
A row counts only when the import of its `batch` is recorded: a file of all villages is too large for one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from sys import intern
from typing import Any, Final
from uuid import uuid4

import msgspec

from services.coverage.reference.domain.reference import RecordedRow, Statement, new_rows
from services.coverage.reference.ports import Rows, Statements
from services.coverage.reference.schemas import KINDS
from shared.adapters.mongo import Document, DuplicateError, Mongo, translating
from shared.runtime.errors import TransientError
from shared.runtime.tasks import let_go

_AT_ONCE: Final = 2_000
"""Documents read or written at once. One takes five times the memory of its row: 300 MB, were all villages read before
the first is made a row."""
COLLECTIONS: Final = ["reference", "reference_imports"]
_TRIES: Final = 10
"""Of several imports at once one is always recorded. Whoever loses this often must know that others are loading."""
_ABANDONED_AFTER: Final = timedelta(days=1)
"""An import takes seconds: older rows without a recorded import were left by a crash."""


class MongoReference:
    """The store of reference data."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Create the collections and indexes that are missing."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare reference data"):
            await self._mongo["reference"].create_index("batch")
            await self._mongo["reference"].create_index([("kind", 1), ("region", 1), ("_id", 1)])

    async def add(self, statements: Statements, recorded_at: datetime, *, dry_run: bool = False) -> Rows:
        """See the port. Only one of two imports at once gets the next revision; the other sees its rows and retries."""
        for _ in range(_TRIES):
            past = await self._batches()
            rows = await self._new_rows(statements, recorded_at, past)
            if dry_run or not rows or await self._record(rows, past):
                return rows
        raise TransientError("other files of reference data keep being recorded; send this one again")

    async def _record(self, rows: Rows, past: Sequence[str]) -> bool:
        """Record the rows in three steps: (1) write them, (2) write one document that makes them count, (3) delete
        what crashed imports left. Return False where another import took the revision.

        A crash before step 2 leaves rows that do not count. The first import of another day deletes them.
        """
        batch, reference = uuid4().hex, self._mongo["reference"]
        with translating("write reference data"):
            for first in range(0, len(rows), _AT_ONCE):
                some = rows[first : first + _AT_ONCE]
                await reference.insert_many([_document(row, batch) for row in some], ordered=False)
            try:
                with translating("record reference data"):
                    await self._mongo["reference_imports"].insert_one({"_id": len(past) + 1, "batch": batch})
            except DuplicateError:
                await reference.delete_many({"batch": batch})
                return False
            abandoned = {"$lt": rows[0].recorded_at - _ABANDONED_AFTER}
            await reference.delete_many({"batch": {"$nin": [*past, batch]}, "recorded_at": abandoned})
        return True

    async def _batches(self, after: int = 0) -> list[str]:
        """Return the batches of recorded imports, in the order of their revisions."""
        with translating("read imports of reference data"):
            found = await self._mongo["reference_imports"].find({"_id": {"$gt": after}}).sort("_id", 1).to_list(None)
        return [document["batch"] for document in found]

    async def _new_rows(self, statements: Statements, recorded_at: datetime, past: Sequence[str]) -> Rows:
        # MongoDB keeps milliseconds. Rows returned now must equal the rows read later.
        at = recorded_at.replace(microsecond=recorded_at.microsecond // 1000 * 1000)
        # A file of all villages takes a second to compare. The event loop must serve others meanwhile.
        same = await asyncio.to_thread(_same_series, statements, past)
        return await asyncio.to_thread(_compared, statements, await self._read(same), at)

    async def since(self, revision: int) -> tuple[int, Rows]:
        """See the port. All rows of an import are written before its revision."""
        newer = await self._batches(revision)
        if not newer:
            return revision, []
        return revision + len(newer), await self._read({"batch": {"$in": newer}})

    async def _read(self, asked: Document) -> list[RecordedRow[Any]]:
        rows: list[RecordedRow[Any]] = []
        with translating("read reference data"):
            found = self._mongo["reference"].find(asked, batch_size=_AT_ONCE)
            while some := await found.to_list(_AT_ONCE):
                rows += await asyncio.to_thread(_rows, some)
        return rows

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, RecordedRow[Any]]]:
        """See the port."""
        # Ids begin with kind and region, so that one range of the index of ids holds just the rows asked for.
        prefix = f"{kind} {region} " if region else f"{kind} "
        asked = {"_id": {"$gt": max(after, prefix), "$lt": f"{prefix[:-1]}!"}, "batch": {"$in": await self._batches()}}
        with translating(f"read {kind}"):
            found = await self._mongo["reference"].find(asked).sort("_id", 1).limit(limit).to_list(None)
        return [(document["_id"], _row(document)) for document in found]


def _same_series(statements: Statements, past: Sequence[str]) -> Document:
    kinds, regions = {one.kind.name for one in statements}, {one.region for one in statements}
    return {"kind": {"$in": list(kinds)}, "region": {"$in": list(regions)}, "batch": {"$in": list(past)}}


def _compared(statements: Statements, known: list[RecordedRow[Any]], recorded_at: datetime) -> Rows:
    """Return the new rows, and let go of the known ones."""
    rows = new_rows(statements, known, recorded_at)
    let_go(known)
    return rows


def _document(row: RecordedRow[Any], batch: str) -> Document:
    statement = row.statement
    return {
        "_id": f"{statement.kind.name} {statement.region} {statement.series} {row.version:06d} {batch}",
        "kind": statement.kind.name,
        "region": statement.region,
        "series": statement.series,
        "valid_from": statement.valid_from.isoformat(),
        "value": msgspec.to_builtins(statement.value),
        "source": statement.source,
        "definition": statement.definition,
        "recorded_at": row.recorded_at,
        "version": row.version,
        "batch": batch,
    }


def _rows(documents: Sequence[Document]) -> list[RecordedRow[Any]]:
    return [_row(document) for document in documents]


def _row(document: Document) -> RecordedRow[Any]:
    kind, value = KINDS[document["kind"]].kind, document["value"]
    statement = Statement(
        kind,
        # Many thousand rows share a few words; each is kept once.
        intern(document["region"]),
        intern(document["series"]),
        date.fromisoformat(document["valid_from"]),
        None if value is None else msgspec.convert(value, kind.value),
        intern(document["source"]),
        intern(document["definition"]),
    )
    return RecordedRow(statement, document["recorded_at"], document["version"])
