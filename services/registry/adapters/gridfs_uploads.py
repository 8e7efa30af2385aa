"""Uploaded files in GridFS's own form, so that any replica, and MongoDB's tools, can read them.

Written block by block as GridFS's specification has it, not through the driver's writer: that one keeps up to 48 MB of
each file in memory before it stores anything (ADR 0013). Collections: `uploads.chunks`, `uploads.files` (whole ones).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from bson import Binary, Int64

from services.registry.application.uploading import BLOCK_BYTES
from shared.adapters.mongo import Mongo, translating
from shared.runtime.clock import Clock


class GridFsUploads:
    """The uploaded files."""

    def __init__(self, mongo: Mongo, clock: Clock) -> None:
        self._mongo = mongo
        self._chunks = mongo["uploads.chunks"]
        self._files = mongo["uploads.files"]
        self._clock = clock

    async def prepare(self) -> None:
        """Make collections and indexes exist."""
        await self._mongo.create(["uploads.chunks", "uploads.files"])
        with translating("prepare uploads"):
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)

    async def append(self, id_: str, number: int, block: bytes) -> None:
        """See the port."""
        with translating("store a block of a file"):
            await self._chunks.insert_one({"files_id": id_, "n": number, "data": Binary(block)})

    async def close(self, id_: str, size: int) -> None:
        """See the port."""
        file = {"_id": id_, "length": Int64(size), "chunkSize": BLOCK_BYTES, "uploadDate": self._clock.now()}
        with translating("store a file"):
            await self._files.replace_one({"_id": id_}, file, upsert=True)

    async def blocks(self, id_: str, offset: int) -> AsyncIterator[bytes]:
        """See the port."""
        number, skip = divmod(offset, BLOCK_BYTES)
        while True:
            with translating("read a block of a file"):
                found = await self._chunks.find_one({"files_id": id_, "n": number})
            if found is None:
                return
            data = bytes(found["data"])
            yield data[skip:] if skip else data
            number, skip = number + 1, 0

    async def delete(self, id_: str) -> None:
        """See the port."""
        with translating("delete a file"):
            await self._files.delete_one({"_id": id_})
            await self._chunks.delete_many({"files_id": id_})
