"""A region over time: how many there were day by day or month by month, and what flowed between two days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from services.coverage.counting.domain.flows import DAY, Flows, change_of, first_day, summed
from services.coverage.counting.ports import Store
from services.coverage.reading.as_of import Past
from services.coverage.reading.derived import WORKERS
from services.coverage.reference.domain.potentials import Children, Potentials
from services.coverage.reference.domain.ratio import ratio
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Count, Coverage

Step = Literal["day", "month"]
POINTS_AT_MOST: Final = 1_000
"""Years by the day, a lifetime by the month; more is a file, not an answer."""


@dataclass(frozen=True, slots=True)
class Point:
    """A region at the end of a day; `potential` is that of the basis `workers` in force then, null without one."""

    day: date
    registered: int
    active: int
    potential: int | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Stream:
    """What flowed from the first day to the last, by kind, and what it comes to."""

    change: Count
    flows: dict[str, Count]


class Series:
    """Answers how a region came to be as it is."""

    def __init__(self, store: Store, book: ReferenceIndex, children: Children) -> None:
        self._store = store
        self._past = Past(store)
        self._potentials = Potentials(book, children)

    async def history(self, region: str, days: list[date], known_at: date | None) -> list[Point]:
        """Return the region as of each of the days."""
        tallies = await self._past.history(region, days, known_at or date.max)
        return [
            self._point(region, AsOf(day, known_at), tally.registered, tally.active) for day, tally in tallies.items()
        ]

    def _point(self, region: str, at: AsOf, registered: int, active: int) -> Point:
        potential = self._potentials.of(region, WORKERS, at)
        value = potential.value if potential else None
        return Point(at.day, registered, active, value, Coverage(ratio(registered, value), ratio(active, value)))

    async def flows(self, region: str, first: date, last: date, known_at: date | None, today: date) -> Stream:
        """Return what flowed from the first day to the last; of days in the windows the counters tell, for less."""
        flows: Flows
        if known_at is None and first >= first_day(today):
            flows = (await self._store.figures([region], first))[region].flows
        else:
            flows = await self._past.flows(region, first, last, known_at or date.max)
        kinds = summed(flows, first, last)
        return Stream(change_of(kinds), kinds)


def days_of(first: date, last: date, step: Step) -> Iterator[date]:
    """Yield every day, or the ends of months and the last day, which may be within one."""
    day = first
    while day < last:
        following = day + DAY
        if step == "day" or following.month != day.month:
            yield day
        day = following
    yield last
