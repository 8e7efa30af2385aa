"""Follows regions for readers who stay connected: everyone on the same region shares one read a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from shared.contracts.snapshots import Snapshot
from shared.runtime.clock import Clock
from shared.runtime.errors import TransientError

EVERY: Final = timedelta(seconds=1)
"""Snapshots are published no more often either."""
_FORGOTTEN_AFTER: Final = timedelta(minutes=1)

Read = Callable[[], Awaitable[Sequence[Snapshot]]]
Key = tuple[object, ...]


@dataclass(slots=True)
class _LastRead:
    at: datetime
    regions: Sequence[Snapshot] = ()
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Live:
    """Lets many readers follow regions at the cost of one read a second for each key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[Key, _LastRead] = {}

    async def follow(self, key: Key, read: Read) -> AsyncIterator[list[Snapshot]]:
        """Yield everything that `read` gives, then each second the regions that changed in more than `as_of`.

        Raises what the first read raises. A store that is away later is passed over; the next read shows the changes.
        """
        sent: dict[str, Snapshot] = {}
        regions = await self.latest(key, read)
        while True:
            yield changed(sent, regions)
            await asyncio.sleep(EVERY.total_seconds())
            with suppress(TransientError):
                regions = await self.latest(key, read)

    async def latest(self, key: Key, read: Read) -> Sequence[Snapshot]:
        """Return what `read` gives, or gave for this key less than a second ago."""
        now = self._clock.now()
        self._last = {k: last for k, last in self._last.items() if k == key or now - last.at < _FORGOTTEN_AFTER}
        last = self._last.setdefault(key, _LastRead(now - EVERY))
        async with last.reading:
            if self._clock.now() - last.at >= EVERY:
                last.regions = await read()
                last.at = self._clock.now()
        return last.regions


def changed(sent: dict[str, Snapshot], regions: Sequence[Snapshot]) -> list[Snapshot]:
    """Return the regions that differ from what was sent in more than `as_of`, and note them as sent."""
    fresh = [one for one in regions if one.region not in sent or replace(sent[one.region], as_of=one.as_of) != one]
    sent.update((one.region, one) for one in fresh)
    return fresh
