"""Takes potentials in: every row is right and all are recorded, or none is and each wrong one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.coverage.application.ports import ReferenceStore
from services.coverage.application.rows import RawRow, RowError, check
from services.coverage.application.watch import Watch
from shared.runtime.clock import Clock

Read = Callable[[bytes], Iterator[tuple[int, RawRow]]]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file: rows read, rows that were news and are recorded, and what is wrong, if anything."""

    rows: int
    recorded: int
    errors: Sequence[RowError] = ()


class PotentialImport:
    """Records files of potentials."""

    def __init__(self, reference: ReferenceStore, watch: Watch, is_region: Callable[[str], bool], clock: Clock) -> None:
        self._reference = reference
        self._watch = watch
        self._is_region = is_region
        self._clock = clock

    async def put(self, body: bytes, read: Read) -> Report:
        """Record the file in two steps: (1) one transaction writes every row that is news, (2) the book takes them in.

        A crash between them loses nothing: each replica reads the new rows within a second.
        Raises: UnreadableError where the file is no table of potentials.
        """
        # A file of all villages takes a second to check: others must be served meanwhile.
        figures, errors = await asyncio.to_thread(lambda: check(read(body), self._is_region))
        if errors:
            return Report(len(figures), 0, errors)
        recorded = await self._reference.add(figures, self._clock.now())
        await self._watch.look_at_reference()
        return Report(len(figures), len(recorded))
