"""A region over time: its figures by day or month, and its flows between two days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from services.coverage.counting.domain.flows import DAY, before, change_of, first_day, summed
from services.coverage.counting.domain.region_counts import Period
from services.coverage.counting.ports import Store
from services.coverage.reading.derived import WORKERS, summed_up
from services.coverage.reference.domain.potentials import Potentials
from services.coverage.reference.domain.ratio import coverage
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count, Coverage

Step = Literal["day", "month"]
POINTS_AT_MOST: Final = 1_000
"""Years by day, a lifetime by month. More than that belongs in a file."""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A region at the end of a day; `potential` is the one of the basis `workers` then, null if there was none."""

    day: date
    registered: int
    active: int
    potential: int | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class RegionFlows:
    """Flows from the first day to the last by kind, and the change they add up to."""

    change: Count
    flows: dict[str, Count]


class Series:
    """Reads regions over time."""

    def __init__(self, store: Store, potentials: Potentials) -> None:
        self._store = store
        self._potentials = potentials

    async def history(self, region: str, days: list[date], known_at: date | None) -> list[HistoryPoint]:
        """Return the region as of each of the days; there is at least one."""
        period = Period(min(days), max(days), known_at or date.max)
        line = (await self._store.timelines([region], period))[region]
        await summed_up(self._potentials, ((region, AsOf(day, known_at)) for day in days))
        return [
            self._point(region, AsOf(day, known_at), tally.registered, tally.active)
            for day, tally in line.history(days).items()
        ]

    def _point(self, region: str, at: AsOf, registered: int, active: int) -> HistoryPoint:
        potential = self._potentials.of(region, WORKERS, at)
        value = potential.value if potential else None
        return HistoryPoint(at.day, registered, active, value, coverage(registered, active, value))

    async def flows(self, region: str, first: date, last: date, known_at: date | None, today: date) -> RegionFlows:
        """Return the flows from the first day to the last. Days in the windows are read from the counters: cheaper."""
        if known_at is None and first >= first_day(today):
            flows = (await self._store.figures([region], first))[region].flows
        else:
            period = Period(before(first), last, known_at or date.max)
            line = (await self._store.timelines([region], period))[region]
            flows = line.flows_between(first, last)
        kinds = summed(flows, first, last)
        return RegionFlows(change_of(kinds), kinds)


def days_of(first: date, last: date, step: Step) -> Iterator[date]:
    """Yield every day; or the last day of each month, then the last day asked about."""
    days = (first + n * DAY for n in range((last - first).days))
    yield from (day for day in days if step == "day" or (day + DAY).day == 1)
    yield last
