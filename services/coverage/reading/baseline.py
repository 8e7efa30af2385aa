"""How many people there were 30, 90 and 180 days before now, for forecasts: read from the pages, and remembered.

Pages tell of every day and group, but reading half a year of them takes up to seconds, and a region may be published
each second. So what was gained is remembered as it was at one moment, and read again a while after something changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from services.coverage.counting.ports import Version
from services.coverage.reading.as_of import Past, Then
from services.coverage.reading.derived import GROUP_OF, People
from services.coverage.reading.numbers import Numbers, people_of
from services.coverage.reference.domain.forecast import LOOKED_BACK
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count
from shared.runtime.clock import Clock

LEAST_REST: Final = timedelta(seconds=10)
_REST: Final = 100
"""Times as long as the reading took, until the next: it may have a hundredth of the process."""


@dataclass(frozen=True, slots=True)
class _Kept:
    day: AsOf
    version: Version
    until: datetime
    then: Then


class Earlier:
    """Answers by region how many people there were so many days ago; of a region read while its `position` was lower,
    by what was gained then.
    """

    def __init__(self, past: Past, clock: Clock) -> None:
        self._past = past
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._behind: set[str] = set()

    async def of(self, days: Mapping[str, AsOf], numbers: Mapping[str, Numbers]) -> dict[str, Mapping[int, People]]:
        """Return the people of each region by days before its day; none before its history began."""
        for at in set(days.values()):
            due = [r for r, day in days.items() if day == at and self._is_due(r, at, numbers[r].version)]
            await self._renew(due, at)
        self._behind -= days.keys()
        self._behind |= {region for region in days if self._kept[region].version != numbers[region].version}
        return {region: _earlier(numbers[region].people, self._kept[region].then) for region in days}

    def overdue(self) -> list[str]:
        """Return the regions last answered by what is no longer so, and which may be read again."""
        now = self._clock.now()
        return [region for region in self._behind if self._kept[region].until <= now]

    def _is_due(self, region: str, at: AsOf, version: Version) -> bool:
        kept = self._kept.get(region)
        if kept is None or kept.day != at:
            return True
        return kept.version != version and kept.until <= self._clock.now()

    async def _renew(self, regions: Collection[str], at: AsOf) -> None:
        if not regions:
            return
        began = perf_counter()
        found = await self._past.then(regions, at, LOOKED_BACK)
        rest = max(LEAST_REST, timedelta(seconds=(perf_counter() - began) * _REST))
        until = self._clock.now() + rest
        self._kept |= {region: _Kept(at, then.figures.version, until, then) for region, then in found.items()}


def _earlier(present: People, then: Then) -> dict[int, People]:
    """Return the people now less what had been gained when it was read."""
    read = people_of(then.figures.tally)
    return {days: _less(present, read, people_of(tally)) for days, tally in then.earlier.items()}


def _less(present: People, read: People, earlier: People) -> People:
    groups = {group: _minus(present.of(b), read.of(b), earlier.of(b)) for b, group in GROUP_OF.items()}
    return People(_minus(present.everyone, read.everyone, earlier.everyone), groups)


def _minus(present: Count | None, read: Count | None, earlier: Count | None) -> Count:
    now, then, before = present or Count(), read or Count(), earlier or Count()
    return Count(now.registered - then.registered + before.registered, now.active - then.active + before.active)
