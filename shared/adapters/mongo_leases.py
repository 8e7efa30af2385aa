"""Leases in MongoDB: one document a job. Its token grows with every change of holder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ReturnDocument

from shared.adapters.mongo import Mongo, translating
from shared.runtime.lease import Lease


class MongoLeases:
    """Collections: `members` (who is present) and `leases`, or another one whose documents are leases too."""

    def __init__(self, mongo: Mongo, leases: str = "leases") -> None:
        self._mongo = mongo
        self._leases = mongo[leases]

    async def prepare_leases(self, jobs: Sequence[str]) -> None:
        """Create a document for each job, so that acquiring is always an update and never a race of inserts."""
        await self._mongo.create(["leases", "members"])
        with translating("prepare leases"):
            for job in jobs:
                free = {"token": 0, "holder": None}
                await self._leases.update_one({"_id": job}, {"$setOnInsert": free}, upsert=True)

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        """See the port."""
        with translating("announce"):
            members = self._mongo["members"]
            await members.update_one({"_id": holder}, {"$set": {"until": now + ttl}}, upsert=True)
            return frozenset([doc["_id"] async for doc in members.find({"until": {"$gt": now}})])

    async def withdraw(self, holder: str) -> None:
        """See the port."""
        with translating("withdraw"):
            await self._mongo["members"].delete_one({"_id": holder})

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        """See the port."""
        until = now + ttl
        with translating("renew a lease"):
            doc = await self._leases.find_one_and_update(
                {"_id": job, "holder": holder, "until": {"$gt": now}},
                {"$set": {"until": until}},
                return_document=ReturnDocument.AFTER,
            )
            if doc is None:
                free = {"$or": [{"holder": None}, {"until": {"$lte": now}}]}
                doc = await self._leases.find_one_and_update(
                    {"_id": job, **free},
                    {"$set": {"holder": holder, "until": until}, "$inc": {"token": 1}},
                    return_document=ReturnDocument.AFTER,
                )
        return Lease(job, doc["token"], until) if doc else None

    async def release(self, lease: Lease, holder: str) -> None:
        """See the port."""
        with translating("release a lease"):
            await self._leases.update_one(
                {"_id": lease.job, "token": lease.token, "holder": holder}, {"$set": {"holder": None}}
            )
