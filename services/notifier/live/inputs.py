"""What the API and the commands give the evaluator: made durable first, then applied within a second.

A document of `inputs`: `_id` counts from 1, `kind`, `given_at`, `by` (who called), its own fields, and once it is
applied `applied_at` and `outcome`. Kinds and their fields: `officials` (`version`, a number in `directories`),
`silence` (`silence`, as `silence_document` makes it), `unsilence` (`silence_id`), `ack` (`rule`, `region`, `official`,
`note`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from services.notifier.engine.documents import silence_of
from services.notifier.engine.events import Acknowledged, Event, OfficialsGiven, SilenceEnded, SilenceGiven
from services.notifier.files.versions import Versions
from shared.adapters.mongo import Document, Mongo, Session, translating

COLLECTIONS: Final = ["counters", "directories", "inputs"]


class Outcome(StrEnum):
    """What became of an input. `NO_ALERT`: an acknowledgement came where no alert fires; it has no effect. Nor has one
    of an alert that is `ALREADY` acknowledged.
    """

    APPLIED = "applied"
    ALREADY = "already"
    NO_ALERT = "no_alert"


@dataclass(frozen=True, slots=True)
class Input:
    """An input that waits. `note`: of an acknowledgement; `directory`: the version that it puts in force."""

    id: int
    given_at: datetime
    event: Event
    by: str
    note: str = ""
    directory: int | None = None


class Inputs:
    """The collections `inputs` and `directories`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._versions = Versions(mongo)

    async def prepare(self) -> None:
        """Create collections, index and counters."""
        await self._mongo.create(COLLECTIONS)
        with translating("prepare the inputs"):
            await self._mongo["inputs"].create_index([("applied_at", 1), ("_id", 1)])
            for counter in ("inputs", "directories"):
                zero = {"$setOnInsert": {"last": 0}}
                await self._mongo["counters"].update_one({"_id": counter}, zero, upsert=True)

    async def give(self, kind: str, fields: Mapping[str, Any], by: str, now: datetime) -> int:
        """Return the number of the input once it is durable."""

        async def work(session: Session) -> int:
            return await self._insert(kind, fields, by, now, session)

        return await self._mongo.transact(work)

    async def give_officials(self, officials: list[Document], by: str, now: datetime) -> tuple[int, int]:
        """Store a version of the directory; return its number and that of the input that puts it in force.

        `officials`: as `delivery.deliveries.document_of` makes them.
        """

        async def work(session: Session) -> tuple[int, int]:
            version = await self._next("directories", session)
            stored = {"_id": version, "given_at": now, "by": by, "officials": officials}
            await self._mongo["directories"].insert_one(stored, session=session)
            return version, await self._insert("officials", {"version": version}, by, now, session)

        return await self._mongo.transact(work)

    async def outcome(self, number: int) -> Outcome | None:
        """Return what became of an input; None while it waits."""
        with translating("read an input"):
            found = await self._mongo["inputs"].find_one({"_id": number}, {"outcome": 1})
        return Outcome(found["outcome"]) if found and found.get("outcome") else None

    async def waiting(self) -> list[Input]:
        """Return the inputs that wait, in order."""
        with translating("read inputs"):
            found = await self._mongo["inputs"].find({"applied_at": None}, sort=[("_id", 1)]).to_list(None)
        return [
            Input(
                id=each["_id"],
                given_at=each["given_at"],
                event=await self._event(each),
                by=each["by"],
                note=each.get("note") or "",
                directory=each.get("version"),
            )
            for each in found
        ]

    async def _event(self, document: Document) -> Event:
        match document["kind"]:
            case "officials":
                return OfficialsGiven(await self._versions.officials(document["version"]))
            case "silence":
                return SilenceGiven(silence_of(document["silence"]))
            case "unsilence":
                return SilenceEnded(document["silence_id"])
            case "ack":
                return Acknowledged(document["rule"], document["region"], document["official"])
            case kind:
                raise ValueError(f"{kind!r} is no kind of input")

    async def _insert(self, kind: str, fields: Mapping[str, Any], by: str, now: datetime, session: Session) -> int:
        number = await self._next("inputs", session)
        document = {"_id": number, "kind": kind, "given_at": now, "by": by, "applied_at": None, **fields}
        await self._mongo["inputs"].insert_one(document, session=session)
        return number

    async def _next(self, counter: str, session: Session) -> int:
        """Count on inside the transaction: a number that is read later was also committed later."""
        counted = await self._mongo["counters"].find_one_and_update(
            {"_id": counter}, {"$inc": {"last": 1}}, return_document=True, session=session
        )
        return int(counted["last"])
