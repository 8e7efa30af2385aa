"""A file on its way in: kept block by block, and an import only once it is whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.registry.application.import_ports import Import, Imports, Reading, Uploads
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

BLOCK_BYTES: Final = 1024 * 1024
"""What one upload holds in memory, and one write stores."""
UNFINISHED_AT_MOST: Final = 4
"""Imports of one caller that have not ended; more would only wait, and their files fill the disk."""
SAY_EVERY: Final = timedelta(seconds=20)
GIVEN_UP_AFTER: Final = timedelta(minutes=3)
"""An upload that moves says so several times in this while."""
REMEMBERED_FOR: Final = timedelta(hours=1)
"""How long an upload that did not end can be seen among the imports."""


class TooManyError(Exception):
    """The caller has as many unfinished imports as may be."""


class GivenUpError(Exception):
    """The upload stood still for so long that it was forgotten."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a file: only facts of its `sources` are taken; `key` names the file, so that it is taken once."""

    subject: str
    sources: tuple[str, ...]
    key: str | None


Check = Callable[[bytes], object]
"""Looks at the first block of a file, and raises what should end the upload."""


class Uploading:
    """Takes files in."""

    def __init__(self, imports: Imports, uploads: Uploads, clock: Clock) -> None:
        self._imports = imports
        self._uploads = uploads
        self._clock = clock

    async def known(self, sender: Sender) -> Import | None:
        """Return the import that this file has become already."""
        return await self._imports.find_key(sender.subject, sender.key) if sender.key else None

    async def take(self, sender: Sender, reading: Reading, parts: AsyncIterator[bytes], check: Check) -> Import:
        """Return the import that waits to be done, once its file is durable.

        1. A job in state uploading. 2. Block after block. 3. The job waits for a replica.
        A crash before 3 leaves a job that no longer says it is uploading, and `forget_still_ones` finds it.
        Raises: TooManyError, GivenUpError, and what `parts` and `check` raise; then nothing of the file is left.
        """
        if await self._imports.unfinished(sender.subject) >= UNFINISHED_AT_MOST:
            raise TooManyError
        job = await self._imports.begin(sender.subject, sender.sources, reading, self._clock.now())
        try:
            size = await self._keep(job.id, parts, check)
            await self._uploads.close(job.id, size)
            waiting = await self._imports.uploaded(job.id, size, sender.key)
            if waiting is not None:
                return waiting
            first = await self.known(sender)
            if first is None:
                raise GivenUpError
        except BaseException:
            await asyncio.shield(self._forget_or_leave(job.id))
            raise
        await self._forget_or_leave(job.id)
        return first

    async def _keep(self, id_: str, parts: AsyncIterator[bytes], check: Check) -> int:
        """Store the blocks and return their bytes."""
        size = number = 0
        async for block in _blocks(self._alive(id_, parts)):
            if number == 0:
                check(block)
            await self._uploads.append(id_, number, block)
            size, number = size + len(block), number + 1
        if number == 0:
            check(b"")
        return size

    async def _alive(self, id_: str, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the parts again, and say now and then that they still come."""
        said_at = self._clock.now()
        async for part in parts:
            yield part
            now = self._clock.now()
            if now - said_at >= SAY_EVERY:
                said_at = now
                if not await self._imports.still_uploading(id_, now):
                    raise GivenUpError

    async def forget(self, id_: str) -> None:
        """Delete an upload that will not end; without effect once it has.

        1. The job fails, which an upload that ends at this moment cannot. 2. The file is deleted. A crash between the
        two leaves an ended job with a file, which `Importer.tidy` deletes.
        """
        now = self._clock.now()
        if await self._imports.give_up(id_, now, now + REMEMBERED_FOR):
            await self._uploads.delete(id_)
            await self._imports.file_deleted(id_)

    async def forget_still_ones(self) -> None:
        """Delete the uploads that nobody goes on with, since a replica was killed."""
        for id_ in await self._imports.standing_still(self._clock.now() - GIVEN_UP_AFTER):
            await self.forget(id_)

    async def _forget_or_leave(self, id_: str) -> None:
        try:
            await self.forget(id_)
        except (TransientError, PermanentError) as error:
            _log.warning("a cut upload is deleted later", job=id_, error=str(error))


async def _blocks(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts again in blocks of one size, the last one smaller."""
    held = bytearray()
    async for part in parts:
        held += part
        while len(held) >= BLOCK_BYTES:
            yield bytes(held[:BLOCK_BYTES])
            del held[:BLOCK_BYTES]
    if held:
        yield bytes(held)
