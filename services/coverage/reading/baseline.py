"""The numerators of 30, 90 and 180 days ago, on which forecasts rest: read from pages, and kept for a while.

Reading half a year of pages takes up to seconds, and a region may be published every second. So the gain since then is
kept as it was at one point in time, and read again a while after the region changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import Final

from services.coverage.counting.domain.flows import before
from services.coverage.counting.domain.region_counts import Period, Timeline, Version
from services.coverage.counting.ports import Store
from services.coverage.reading.derived import Numerators, numerators_of
from services.coverage.reference.domain.forecast import LOOKED_BACK
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count
from shared.runtime.clock import Clock

LEAST_REST: Final = timedelta(seconds=10)
"""Shortest time between two reads of a region: a forecast does not change from one second to the next."""
_REST: Final = 100
"""The rest lasts this many times as long as the read, so reads take at most a hundredth of the process."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """By how much the numerators of a region grew in the days before its day. Valid until at least `until`."""

    day: AsOf
    version: Version
    until: datetime
    gained: Mapping[int, Numerators]


class Baseline:
    """Gives the earlier numerators of regions. If a region changed since the last read, adds the gain measured then."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._outdated: set[str] = set()

    async def of(
        self, days: Mapping[str, AsOf], versions: Mapping[str, Version], present: Mapping[str, Numerators]
    ) -> dict[str, Mapping[int, Numerators]]:
        """Return each region's numerators by days before its day; no day from before its history began."""
        for at in set(days.values()):
            await self._read([r for r, day in days.items() if day == at and self._is_due(r, at, versions[r])], at)
        self._outdated -= days.keys()
        self._outdated |= {region for region in days if self._kept[region].version != versions[region]}
        return {
            region: {ago: _less(present[region], gained) for ago, gained in self._kept[region].gained.items()}
            for region in days
        }

    def overdue(self) -> list[str]:
        """Return the regions whose last answer was outdated and which may be read again now."""
        now = self._clock.now()
        return [region for region in self._outdated if self._kept[region].until <= now]

    def version(self, region: str, at: AsOf, version: Version) -> Version:
        """Return the version from which the region's next answer will be made if `version` is its present one."""
        return version if self._is_due(region, at, version) else self._kept[region].version

    def _is_due(self, region: str, at: AsOf, version: Version) -> bool:
        kept = self._kept.get(region)
        if kept is None or kept.day != at:
            return True
        return kept.version != version and kept.until <= self._clock.now()

    async def _read(self, regions: Collection[str], at: AsOf) -> None:
        if not regions:
            return
        began = perf_counter()
        lines = await self._store.timelines(regions, Period(first_looked_back(at.day), at.day))
        rest = max(LEAST_REST, timedelta(seconds=(perf_counter() - began) * _REST))
        until = self._clock.now() + rest
        for region, line in lines.items():
            on_day = numerators_of(line.tally)
            gained = {ago: _less(on_day, then) for ago, then in numerators_before(line, at.day).items()}
            self._kept[region] = _Kept(at, line.version, until, gained)


def first_looked_back(day: date) -> date:
    """Return the earliest day on which a forecast rests."""
    return before(day, timedelta(days=max(LOOKED_BACK)))


def numerators_before(line: Timeline, day: date) -> dict[int, Numerators]:
    """Return the numerators by days before the day; no day from before the history began."""
    then = {days: before(day, timedelta(days=days)) for days in LOOKED_BACK}
    history = line.history(set(then.values()))
    tallies = {days: history[on] for days, on in then.items()}
    return {days: numerators_of(tally) for days, tally in tallies.items() if tally.arrivals > 0}


def _less(one: Numerators, other: Numerators) -> Numerators:
    return {
        basis: Count(count.registered - other[basis].registered, count.active - other[basis].active)
        for basis, count in one.items()
    }
