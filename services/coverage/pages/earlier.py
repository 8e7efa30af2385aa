"""Regions as they were on an earlier day, kept for a while: reading the past takes longer than all else on a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Snapshot
from shared.runtime.clock import Clock

_KEPT_FOR: Final = timedelta(minutes=1)
"""Only a late fact changes an earlier day; its figure may then be a minute old beside a live one."""
_KEPT: Final = 1_000
"""Every regency and province, and the nation."""


class Earlier:
    """Reads regions as of a day."""

    def __init__(self, reader: SnapshotReader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._kept: dict[tuple[str, AsOf], tuple[datetime, Snapshot]] = {}

    async def of(self, region: str, at: AsOf) -> Snapshot:
        """Return the region as of the day, without boards: no page compares them."""
        now = self._clock.now()
        kept = self._kept.get((region, at))
        if kept is not None and now - kept[0] < _KEPT_FOR:
            return kept[1]
        (shown,) = await self._reader.snapshots([region], at, with_boards=False)
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[region, at] = now, shown
        return shown
