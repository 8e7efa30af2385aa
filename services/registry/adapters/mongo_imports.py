"""Imports in MongoDB: each job's document is its own lease, so that progress is written under the lease's token.

Collections: `imports` (the jobs), `import_rejected` (what one chunk of rows had rejected; no content of any row). Both
are forgotten by MongoDB itself at `expires_at`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, astuple
from datetime import datetime
from typing import Any, Final

from bson import Int64, ObjectId
from pymongo import ReturnDocument

from services.registry.application.import_ports import (
    OUTCOMES,
    RUNNABLE,
    UNFINISHED,
    Format,
    Import,
    Pace,
    Position,
    Progress,
    Reading,
    Rejected,
    State,
)
from services.registry.intake.places import RegionCodes
from shared.adapters.mongo import Document, DuplicateError, Mongo, Session, translating
from shared.adapters.mongo_leases import MongoLeases
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease

_RUNNABLE: Final = {"$in": sorted(RUNNABLE)}
_NEWEST_FIRST: Final = [("subject", 1), ("_id", -1)]


class MongoImports(MongoLeases):
    """The jobs."""

    def __init__(self, mongo: Mongo) -> None:
        super().__init__(mongo, "imports")
        self._jobs = mongo["imports"]
        self._rejected = mongo["import_rejected"]

    async def prepare(self) -> None:
        """Make collections and indexes exist."""
        await self._mongo.create(["imports", "import_rejected"])
        keyed = {"key": {"$exists": True}}
        with translating("prepare imports"):
            await self._jobs.create_index(_NEWEST_FIRST)
            await self._jobs.create_index("state")
            await self._jobs.create_index([("subject", 1), ("key", 1)], unique=True, partialFilterExpression=keyed)
            await self._jobs.create_index("file", partialFilterExpression={"file": True})
            await self._jobs.create_index("expires_at", expireAfterSeconds=0)
            await self._rejected.create_index([("job", 1), ("line", 1)], unique=True)
            await self._rejected.create_index("expires_at", expireAfterSeconds=0)

    async def begin(self, subject: str, sources: Sequence[str], reading: Reading, now: datetime) -> Import:
        """See the port."""
        job: Document = {
            "_id": str(ObjectId()),
            "subject": subject,
            "sources": list(sources),
            "format": reading.format.value,
            "region_codes": reading.region_codes.value,
            "state": State.UPLOADING.value,
            "created_at": now,
            "moved_at": now,
            "size": 0,
            "offset": Int64(0),
            "line": 1,
            "counts": dict.fromkeys(OUTCOMES, 0),
            "token": 0,
            "holder": None,
            "file": True,
        }
        with translating("begin an import"):
            await self._jobs.insert_one(job)
        return _import_of(job)

    async def still_uploading(self, id_: str, now: datetime) -> bool:
        """See the port."""
        with translating("note that an upload moves"):
            uploading = {"_id": id_, "state": State.UPLOADING.value}
            result = await self._jobs.update_one(uploading, {"$set": {"moved_at": now}})
        return bool(result.matched_count)

    async def uploaded(self, id_: str, size: int, key: str | None) -> Import | None:
        """See the port."""
        named = {} if key is None else {"key": key}
        whole = {"state": State.WAITING.value, "size": Int64(size), **named}
        try:
            return await self._changed({"_id": id_, "state": State.UPLOADING.value}, {"$set": whole})
        except DuplicateError:
            return None

    async def give_up(self, id_: str, now: datetime, expires_at: datetime) -> bool:
        """See the port."""
        ended = {"ended_at": now, "expires_at": expires_at, "detail": "the upload did not end; send the file again"}
        still = {"_id": id_, "state": State.UPLOADING.value}
        return await self._changed(still, {"$set": {"state": State.FAILED.value, **ended}}) is not None

    async def find(self, id_: str) -> Import | None:
        """See the port."""
        return await self._found({"_id": id_})

    async def find_key(self, subject: str, key: str) -> Import | None:
        """See the port."""
        return await self._found({"subject": subject, "key": key})

    async def _found(self, query: Document) -> Import | None:
        with translating("find an import"):
            found = await self._jobs.find_one(query)
        return _import_of(found) if found else None

    async def listed(self, subject: str, before: str, limit: int) -> list[Import]:
        """See the port."""
        query: Document = {"subject": subject} | ({"_id": {"$lt": before}} if before else {})
        with translating("list imports"):
            return [_import_of(found) async for found in self._jobs.find(query).sort(_NEWEST_FIRST).limit(limit)]

    async def unfinished(self, subject: str) -> int:
        """See the port."""
        with translating("count imports"):
            query = {"subject": subject, "state": {"$in": sorted(UNFINISHED)}}
            return int(await self._jobs.count_documents(query))

    async def runnable(self, now: datetime, limit: int) -> list[str]:
        """See the port."""
        if limit <= 0:
            return []
        free = {"state": _RUNNABLE, "$or": [{"holder": None}, {"until": {"$lte": now}}]}
        with translating("find imports to do"):
            return [found["_id"] async for found in self._jobs.find(free, {"_id": 1}).sort("_id", 1).limit(limit)]

    async def start(self, lease: Lease, now: datetime) -> Import | None:
        """See the port."""
        running = {"$cond": [{"$eq": ["$state", State.WAITING.value]}, State.RUNNING.value, "$state"]}
        began = {"$set": {"state": running, "started_at": {"$ifNull": ["$started_at", now]}}}
        return await self._changed(_under(lease), [began], ReturnDocument.BEFORE)

    async def record(self, lease: Lease, progress: Progress) -> State:
        """See the port: one transaction where rows were rejected, so that they and the position stand together."""
        if not progress.rejected:
            with translating("record progress"):
                return await self._advance(lease, progress, None)
        rows = [list(astuple(rejected)) for rejected in progress.rejected]
        kept = {"job": lease.job, "line": progress.start.line, "rows": rows}

        async def work(session: Session) -> State:
            state = await self._advance(lease, progress, session)
            await self._rejected.insert_one(dict(kept), session=session)
            return state

        return await self._mongo.transact(work)

    async def _advance(self, lease: Lease, progress: Progress, session: Session | None) -> State:
        moved: Document = {"offset": Int64(progress.end.offset), "line": progress.end.line}
        if progress.pace is not None:
            moved["pace"] = asdict(progress.pace)
        counted = {f"counts.{outcome}": lines for outcome, lines in progress.counts.items() if lines}
        job = await self._jobs.find_one_and_update(
            _under(lease) | {"offset": progress.start.offset},
            {"$set": moved} | ({"$inc": counted} if counted else {}),
            {"state": 1},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if job is None:
            raise FencedError(f"import {lease.job} is no longer ours to do")
        return State(job["state"])

    async def end(self, lease: Lease, state: State, now: datetime, expires_at: datetime, detail: str | None) -> None:
        """See the port. The rejected rows come first: should we be killed between the two, the job is ended again."""
        with translating("keep rejected rows for a while"):
            await self._rejected.update_many({"job": lease.job}, {"$set": {"expires_at": expires_at}})
        ended: Document = {"state": state.value, "ended_at": now, "expires_at": expires_at, "detail": detail}
        # What was not done may be sent again under the same key.
        released = {} if state is State.DONE else {"$unset": {"key": ""}}
        if await self._changed(_under(lease), {"$set": ended, **released}) is None:
            raise FencedError(f"import {lease.job} is no longer ours to end")

    async def cancel(self, id_: str) -> Import | None:
        """See the port."""
        return await self._changed({"_id": id_, "state": _RUNNABLE}, {"$set": {"state": State.CANCELLING.value}})

    async def _changed(
        self, query: Document, update: Document | list[Document], which: bool = ReturnDocument.AFTER
    ) -> Import | None:
        with translating("change an import"):
            found = await self._jobs.find_one_and_update(query, update, return_document=which)
        return _import_of(found) if found else None

    async def rejected(self, id_: str) -> AsyncIterator[Sequence[Rejected]]:
        """See the port."""
        with translating("read rejected rows"):
            async for kept in self._rejected.find({"job": id_}).sort("line", 1):
                yield [Rejected(*row) for row in kept["rows"]]

    async def standing_still(self, since: datetime) -> list[str]:
        """See the port."""
        return await self._ids({"state": State.UPLOADING.value, "moved_at": {"$lt": since}})

    async def with_file(self) -> list[str]:
        """See the port."""
        return await self._ids({"file": True, "state": {"$nin": sorted(UNFINISHED)}})

    async def _ids(self, query: Document) -> list[str]:
        with translating("find imports to tidy up"):
            return [found["_id"] async for found in self._jobs.find(query, {"_id": 1})]

    async def file_deleted(self, id_: str) -> None:
        """See the port."""
        with translating("note that a file is deleted"):
            await self._jobs.update_one({"_id": id_}, {"$unset": {"file": ""}})

    async def by_state(self) -> Mapping[State, int]:
        """See the port."""
        with translating("count imports"):
            found = self._jobs.aggregate(
                [
                    {"$match": {"state": {"$in": sorted(UNFINISHED)}}},
                    {"$group": {"_id": "$state", "n": {"$sum": 1}}},
                ]
            )
            return dict.fromkeys(UNFINISHED, 0) | {State(group["_id"]): group["n"] async for group in found}


def _under(lease: Lease) -> Document:
    return {"_id": lease.job, "token": lease.token, "state": _RUNNABLE}


def _import_of(document: Mapping[str, Any]) -> Import:
    pace = document.get("pace")
    return Import(
        id=document["_id"],
        subject=document["subject"],
        sources=tuple(document["sources"]),
        reading=Reading(Format(document["format"]), RegionCodes(document["region_codes"])),
        state=State(document["state"]),
        created_at=document["created_at"],
        size=int(document["size"]),
        position=Position(int(document["offset"]), document["line"]),
        counts={outcome: document["counts"][outcome] for outcome in OUTCOMES},
        pace=Pace(**pace) if pace else None,
        started_at=document.get("started_at"),
        ended_at=document.get("ended_at"),
        expires_at=document.get("expires_at"),
        detail=document.get("detail"),
    )
