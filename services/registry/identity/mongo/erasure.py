"""Erasing a person's identities in MongoDB.

Collections: `identities`, `participants`, `erasures` (who was erased, when, at whose word; immutable).
"""

from __future__ import annotations

from bson import ObjectId

from services.registry.identity.ports import Erasure
from shared.adapters.mongo import Mongo, Session


async def erase(mongo: Mongo, session: Session, erasure: Erasure) -> int:
    """Delete the rows and return how many identities they were. Rows of one identity at several layers count once."""
    rows = {"holder": {"$in": list(erasure.holders)}}
    found = await mongo["identities"].find(rows, {"holder": 1}, session=session).to_list(None)
    await mongo["identities"].delete_many(rows, session=session)
    await _touch(mongo, session, erasure.person)
    forgotten = len({row["holder"] for row in found})
    record = {
        "_id": ObjectId(), "person": erasure.person, "identities": forgotten, "by": erasure.by, "at": erasure.at,
        "forced": erasure.forced,
    }  # fmt: skip
    await mongo["erasures"].insert_one(record, session=session)
    return forgotten


async def _touch(mongo: Mongo, session: Session, person: str) -> None:
    """Write to the person's document, so that any other change of it at the same time is a write conflict.

    A person without facts has no document. Then one is inserted and deleted, which conflicts with another's insert.
    """
    participants, who = mongo["participants"], {"_id": person}
    touched = await participants.update_one(who, {"$set": {"touched": ObjectId()}}, session=session)
    if not touched.matched_count:
        await participants.insert_one(dict(who), session=session)
        await participants.delete_one(who, session=session)
