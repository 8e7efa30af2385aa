"""How far the background proof is, in MongoDB: one document in the collection `proofs`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from services.coverage.proof.ports import Passed, Proof
from shared.adapters.mongo import Mongo, translating

_ID: Final = "counters"


class MongoProofs:
    """The port over coverage's database."""

    def __init__(self, mongo: Mongo) -> None:
        self._proofs = mongo["proofs"]

    async def read(self) -> Proof:
        """See the port."""
        with translating("read the proof"):
            found = await self._proofs.find_one({"_id": _ID}, {"_id": 0})
        if found is None:
            return Proof()
        last = found.pop("last")
        return Proof(**found, last=Passed(**last) if last else None)

    async def write(self, proof: Proof) -> None:
        """See the port."""
        with translating("keep the proof"):
            await self._proofs.replace_one({"_id": _ID}, asdict(proof), upsert=True)
