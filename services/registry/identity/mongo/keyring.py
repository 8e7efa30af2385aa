"""Which layers of hashes are in use, and their re-keying, in MongoDB.

Collections: `identities` (the document `keyring` beside the hashes, so that one read gives both), `facts` (digests),
`members` (which keys each present replica has).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import ReturnDocument, UpdateOne

from services.registry.identity.ports import Layers
from shared.adapters.mongo import Document, Mongo, Session, translating
from shared.runtime.errors import PermanentError

KEYRING: Final = "keyring"
"""No hash can have this id, since hashes are bytes."""
ROWS_A_BATCH: Final = 500
"""Half a group commit, so that facts arriving meanwhile wait only briefly for the database."""


def layers_of(keyring: Document | None) -> Layers:
    """Return the layers in use; without a keyring, the first layer."""
    return Layers(keyring["oldest"], len(keyring["keys"])) if keyring else Layers()


class MongoKeyring:
    """The key store of registry and rotation.

    The keyring's `keys` are the names of the keys used so far, in order, `since` is when the newest was put into use.
    """

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def open(self, key_ids: Sequence[str]) -> Layers:
        with translating("open the keyring"):
            keyring = await self._mongo["identities"].find_one_and_update(
                {"_id": KEYRING},
                {"$setOnInsert": {"keys": list(key_ids[:1]), "oldest": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            # A keyring of an older version has no day; its key is at least as old as this.
            undated = {"_id": KEYRING, "since": {"$exists": False}}
            await self._mongo["identities"].update_one(undated, {"$currentDate": {"since": True}})
        if wrong := _wrong(keyring["keys"], key_ids):
            raise PermanentError(wrong)
        return layers_of(keyring)

    async def newest_since(self) -> datetime | None:
        """Return when the newest key was put into use; None before the keyring was opened."""
        with translating("read the keyring"):
            keyring = await self._mongo["identities"].find_one({"_id": KEYRING}, {"since": 1})
        return keyring.get("since") if keyring else None

    async def trouble(self, key_ids: Sequence[str]) -> str | None:
        """Return why these keys do not recognise everyone; None when all is well. A health check."""
        with translating("read the keyring"):
            keyring = await self._mongo["identities"].find_one({"_id": KEYRING})
        return _wrong(keyring["keys"] if keyring else [], key_ids)

    async def announce(self, member: str, key_ids: Sequence[str]) -> None:
        """Record which keys this replica has. Its leases say whether it is running."""
        with translating("say which keys are here"):
            mine = {"$set": {"keys": list(key_ids)}}
            await self._mongo["members"].update_one({"_id": member}, mine, upsert=True)

    async def members_without(self, key_id: str, now: datetime) -> list[str]:
        with translating("ask who has the key"):
            found = self._mongo["members"].find({"until": {"$gt": now}, "keys": {"$ne": key_id}}).sort("_id", 1)
            return [member["_id"] async for member in found]

    async def begin(self, key_id: str, layer: int) -> None:
        below = {"_id": KEYRING, "keys": {"$size": layer - 1}}
        with translating("begin to use a key"):
            await self._mongo["identities"].update_one(
                below, {"$push": {"keys": key_id}, "$currentDate": {"since": True}}
            )

    async def retire(self, layer: int) -> None:
        with translating("retire a key"):
            await self._mongo["identities"].update_one({"_id": KEYRING, "oldest": layer}, {"$inc": {"oldest": 1}})

    async def await_open_transactions(self) -> None:
        await self._mongo.wait_for_open_transactions()

    async def sizes(self) -> tuple[int, int]:
        with translating("count what is to be re-keyed"):
            identities, facts = [await self._mongo[name].estimated_document_count() for name in ("identities", "facts")]
        return identities, facts

    async def move_identities(self, old: str, new: str, raised: Callable[[bytes], bytes]) -> AsyncIterator[int]:
        """A row is deleted and inserted in one transaction, which conflicts with an erasure of it."""
        after: Document = {}
        while rows := await self._batch("identities", {"key": old, **after}):
            ids = [row["_id"] for row in rows]

            await self._mongo.transact(lambda session, ids=ids: self._move(session, ids, old, new, raised))  # type: ignore[misc]
            yield len(rows)
            after = {"_id": {"$gt": ids[-1]}}

    async def _move(
        self, session: Session, ids: Sequence[bytes], old: str, new: str, raised: Callable[[bytes], bytes]
    ) -> None:
        identities, there = self._mongo["identities"], {"_id": {"$in": ids}, "key": old}
        held = await identities.find(there, session=session).to_list(None)
        await identities.delete_many(there, session=session)
        if held:
            puts = [_put(raised(bytes(row["_id"])), row["holder"], new) for row in held]
            await identities.bulk_write(puts, ordered=False, session=session)

    async def move_facts(self, layer: int, raised: Callable[[bytes, int], bytes]) -> AsyncIterator[int]:
        """A digest is replaced only if it is still the one that was read."""
        after: Document = {}
        while rows := await self._batch("facts", {"d": {"$exists": True}, "l": {"$not": {"$gte": layer}}, **after}):
            puts = [
                UpdateOne(
                    {"_id": row["_id"], "d": row["d"]},
                    {"$set": {"d": raised(bytes(row["d"]), row.get("l", 1)), "l": layer}},
                )
                for row in rows
            ]
            with translating("re-key digests"):
                await self._mongo["facts"].bulk_write(puts, ordered=False)
            yield len(rows)
            after = {"_id": {"$gt": rows[-1]["_id"]}}

    async def drop(self, key_ids: Sequence[str]) -> None:
        with translating("drop the rows of retired keys"):
            await self._mongo["identities"].delete_many({"key": {"$in": list(key_ids)}})

    async def _batch(self, collection: str, wanted: Document) -> list[Document]:
        with translating(f"read {collection} to re-key"):
            found = self._mongo[collection].find(wanted).sort("_id", 1).limit(ROWS_A_BATCH)
            rows: list[Document] = await found.to_list(None)
        return rows


def _put(hashed: bytes, holder: str, key_id: str) -> Any:
    """Return the write of a row. An identity that was introduced at both layers has it already."""
    return UpdateOne({"_id": hashed}, {"$setOnInsert": {"holder": holder, "key": key_id}}, upsert=True)


def _wrong(used: Sequence[str], given: Sequence[str]) -> str | None:
    """Return what is wrong with the keys given, for a store whose hashes were made with the keys used."""
    if len(given) < len(used) and list(given) == list(used[: len(given)]):
        return (
            f"the identity key file holds {len(given)} keys and hashes of {len(used)} are in use; "
            f"key {used[-1]} is missing: put the whole file there"
        )
    if list(given[: len(used)]) != list(used):
        return (
            f"the identity key file holds keys {', '.join(given)} and the database was written with "
            f"{', '.join(used)}: nobody would be recognised; put the file there that belongs to this database"
        )
    return None
