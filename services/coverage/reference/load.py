"""Takes reference data in: every row is right and all are recorded, or none is and each wrong one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.coverage.counting.ports import ReferenceStore
from services.coverage.publishing.poller import Poller
from services.coverage.reference.cells import HomeOf
from services.coverage.reference.layouts import Layout
from services.coverage.reference.rows import RowError, check
from services.coverage.reference.tables import Read
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file: its rows, the figures they state, how many of these are news, and what is wrong."""

    rows: int
    figures: int
    news: int
    errors: Sequence[RowError] = ()


class ReferenceImport:
    """Records files of reference data, of any kind."""

    def __init__(self, reference: ReferenceStore, watch: Poller, home_of: HomeOf, clock: Clock) -> None:
        self._reference = reference
        self._watch = watch
        self._home_of = home_of
        self._clock = clock

    async def put(self, layout: Layout[Any], body: bytes, read: Read, *, dry_run: bool) -> Report:
        """Record the file in two steps: (1) one transaction writes every figure that is news, (2) the book takes them.

        A crash between them loses nothing: each replica reads the new rows within a second. A dry run says what would
        be recorded and takes neither step.
        Raises: UnreadableError where the file is no table of the kind.
        """
        # A file of all villages takes a second to check: others must be served meanwhile.
        checked = await asyncio.to_thread(lambda: check(layout, read(body, layout), self._home_of))
        if checked.errors:
            return Report(checked.rows, len(checked.figures), 0, checked.errors)
        if dry_run:
            news = await self._reference.news(checked.figures, self._clock.now())
        else:
            news = await self._reference.add(checked.figures, self._clock.now())
            await self._watch.poll_reference()
        return Report(checked.rows, len(checked.figures), len(news))
