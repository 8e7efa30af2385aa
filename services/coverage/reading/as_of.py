"""Regions as they were on a day, as known on a day: what is counted now without what came later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import Flows, before, first_day, flows_of
from services.coverage.counting.domain.movements import Movement
from services.coverage.counting.ports import Figures, Store, Timeline
from services.coverage.reference.domain.reference import AsOf

Movements = Sequence[tuple[Movement, int]]


@dataclass(frozen=True, slots=True)
class Then:
    """A region as of a day, and by days before it how it was; no day from before its history began."""

    figures: Figures
    earlier: Mapping[int, Tally]


class Past:
    """Answers what was so on a day (by effect), by what had been recorded until a day."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def as_of(self, regions: Collection[str], day: date, known_at: date) -> dict[str, Tally]:
        """Return each region as of a day, known at a day; `date.max` leaves either open.

        What lapses and who said so when is known of the present only.
        """
        found = await self._store.timelines(regions, day, known_at)
        return {region: line.tally.without(line.movements) for region, line in found.items()}

    async def then(self, regions: Collection[str], at: AsOf, looked_back: Collection[int] = ()) -> dict[str, Then]:
        """Return each region as of a day, known at a day, with the flows of the windows that end on that day, and as
        it was so many days before.
        """
        first, known_at = first_day(at.day), at.known_at or date.max
        earliest = before(at.day, timedelta(max(looked_back, default=0)))
        found = await self._store.timelines(regions, min(before(first), earliest), known_at)
        return {region: _then(line, first, at.day, known_at, looked_back) for region, line in found.items()}

    async def history(self, region: str, days: Collection[date], known_at: date) -> dict[date, Tally]:
        """Return the region as of each of the days, known at a day."""
        if not days:
            return {}
        line = (await self._store.timelines([region], min(days), known_at))[region]
        unknown, known = _parted(line.movements, known_at)
        tally, history = line.tally.without(unknown), dict[date, Tally]()
        known.sort(key=lambda movement: movement[0].effective_day)
        for day in sorted(days, reverse=True):
            later = _popped_after(known, day)
            tally = history[day] = tally.without(later)
        return dict(sorted(history.items()))

    async def flows(self, region: str, first: date, last: date, known_at: date) -> Flows:
        """Return the flows of the days from first to last, known at a day, by effective day and kind."""
        line = (await self._store.timelines([region], before(first), known_at))[region]
        return _flows(line.movements, first, last, known_at)


def _then(line: Timeline, first: date, day: date, known_at: date, looked_back: Collection[int]) -> Then:
    earlier = {days: _as_of(line, before(day, timedelta(days)), known_at) for days in looked_back}
    flows = _flows(line.movements, first, day, known_at)
    return Then(
        Figures(_as_of(line, day, known_at), line.position, flows, line.generation),
        {days: tally for days, tally in earlier.items() if tally.arrivals > 0},
    )


def _as_of(line: Timeline, day: date, known_at: date) -> Tally:
    return line.tally.without((m, n) for m, n in line.movements if m.effective_day > day or m.recorded_day > known_at)


def _flows(movements: Movements, first: date, last: date, known_at: date) -> Flows:
    return flows_of(
        (movement, people)
        for movement, people in movements
        if first <= movement.effective_day <= last and movement.recorded_day <= known_at
    )


def _parted(movements: Movements, known_at: date) -> tuple[list[tuple[Movement, int]], list[tuple[Movement, int]]]:
    """Return the movements recorded after the day, and the others."""
    unknown, known = list[tuple[Movement, int]](), list[tuple[Movement, int]]()
    for movement in movements:
        (unknown if movement[0].recorded_day > known_at else known).append(movement)
    return unknown, known


def _popped_after(ordered: list[tuple[Movement, int]], day: date) -> Iterable[tuple[Movement, int]]:
    """Take the movements effective after the day off the end of the list."""
    at = len(ordered)
    while at and ordered[at - 1][0].effective_day > day:
        at -= 1
    later = ordered[at:]
    del ordered[at:]
    return later
