"""Puts a region's snapshot together: what was counted, what follows from it, flows of the windows, now or then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from services.coverage.counting.domain.counters import DUE_WINDOWS, Tally
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.ports import Store
from services.coverage.reading.as_of import Past
from services.coverage.reading.baseline import Earlier
from services.coverage.reading.boards import Board, Boards
from services.coverage.reading.derived import WORKERS, Counted, Deriver, People
from services.coverage.reading.numbers import Numbers, numbers_of, people_of
from services.coverage.reference.domain.forecast import LOOKED_BACK
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count, Snapshot
from shared.regions.codes import NATION, level_of, local, parent_of, zone_name, zone_of
from shared.runtime.clock import Clock

_KEPT_LEVELS: Final = frozenset({"nation", "province", "regency"})
"""What is read most, and takes most to add up; the rest is many, and quickly read."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A region as counted, as of when, above the village the boards of its villages, and by days before then who there
    was.
    """

    at: AsOf
    as_of: datetime
    numbers: Numbers
    board: Board | None
    earlier: Mapping[int, People]


class Viewer:
    """Answers what the state of regions is now, and what it was on a day."""

    def __init__(
        self,
        store: Store,
        deriver: Deriver,
        boards: Boards,
        name_of: Callable[[str], str | None],
        clock: Clock,
        catching_up: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._past = Past(store)
        self._earlier = Earlier(self._past, clock)
        self._deriver = deriver
        self._boards = boards
        self._name_of = name_of
        self._clock = clock
        self._catching_up = catching_up
        self._kept: dict[str, tuple[AsOf, Numbers]] = {}

    async def snapshots(self, regions: Sequence[str], at: AsOf | None = None) -> list[Snapshot]:
        """Return the snapshot of each region, in the order asked, all of one moment: as of now, or as of a day.

        Of a day, `due`, `fed_at` and `recorded_at` are empty: who lapses, and who said so when, is known of now only.
        """
        now = self._clock.now()
        seen = await (self._now(regions, now) if at is None else self._then(regions, at, now))
        return [self._snapshot(region, seen[region]) for region in regions]

    def overdue(self) -> list[str]:
        """Return the regions whose forecast was last made from what is no longer so, and can be made anew."""
        return self._earlier.overdue()

    async def _now(self, regions: Sequence[str], now: datetime) -> dict[str, _Seen]:
        days = {region: AsOf(local(region, now).date()) for region in regions}
        numbers = await self._numbers(days, first_day(local(NATION, now).date()))
        boards = await self._boards.of(_above_villages(days), now=True)
        earlier = await self._earlier.of(
            {r: day for r, day in days.items() if self._deriver.looks_back(r, day)}, numbers
        )
        return {
            region: _Seen(day, now, numbers[region], boards.get(region), earlier.get(region, {}))
            for region, day in days.items()
        }

    async def _numbers(self, days: Mapping[str, AsOf], flows_from: date) -> dict[str, Numbers]:
        """Return the numbers of each region on its day, all of one moment; what has not changed is not read again.

        WIB's day is the earliest of the three, so the windows that begin with it begin no later than any other's.
        """
        kept = {region: self._kept[region][1] for region, day in days.items() if self._is_kept(region, day)}
        known = {region: numbers.version for region, numbers in kept.items()}
        figures = await self._store.figures(days, flows_from, known)
        anew = {r: numbers_of(found, days[r].day, DUE_WINDOWS) for r, found in figures.items()}
        self._kept |= {r: (days[r], numbers) for r, numbers in anew.items() if level_of(r) in _KEPT_LEVELS}
        return kept | anew

    def _is_kept(self, region: str, day: AsOf) -> bool:
        return region in self._kept and self._kept[region][0] == day

    async def _then(self, regions: Sequence[str], at: AsOf, now: datetime) -> dict[str, _Seen]:
        looks_back = any(self._deriver.looks_back(region, at) for region in regions)
        then = await self._past.then(regions, at, LOOKED_BACK if looks_back else ())
        boards = await self._boards.of(_above_villages(dict.fromkeys(regions, at)), now=False)
        return {
            region: _Seen(
                at,
                min(now, _end_of(region, at)),
                numbers_of(line.figures, at.day, {}),
                boards.get(region),
                _people(line.earlier),
            )
            for region, line in then.items()
        }

    def _snapshot(self, region: str, seen: _Seen) -> Snapshot:
        numbers = seen.numbers
        derived = self._deriver.of(region, seen.at, Counted(numbers.people, seen.earlier))
        board = seen.board or Board(derived.quota, derived.designation)
        is_village = level_of(region) == "village"
        return Snapshot(
            region=region,
            name=self._name_of(region) or region,
            level=level_of(region),
            time_zone=zone_name(region),
            parent=parent_of(region),
            registered=numbers.people.everyone.registered,
            active=numbers.people.everyone.active,
            unplaced=Count() if is_village else numbers.placed_here,
            potential=derived.potential,
            coverage=derived.coverage[WORKERS],
            flows=numbers.flows,
            as_of=seen.as_of,
            recorded_at=numbers.recorded_at,
            position=numbers.version.position,
            fed_at=numbers.fed_at,
            catching_up=self._catching_up(region),
            by_segment=numbers.by_segment,
            by_group=dict(numbers.people.groups or {}),
            by_payer=numbers.by_payer,
            by_programme=numbers.by_programme,
            due=numbers.due,
            target=derived.target,
            forecast=derived.forecast,
            quota=board.quota,
            designation=board.designation,
        )


def _end_of(region: str, at: AsOf) -> datetime:
    """Return the last second of the day where the region is."""
    return datetime.combine(at.day, time(23, 59, 59), zone_of(region))


def _above_villages(days: Mapping[str, AsOf]) -> dict[str, AsOf]:
    return {region: day for region, day in days.items() if level_of(region) != "village"}


def _people(tallies: Mapping[int, Tally]) -> dict[int, People]:
    return {days: people_of(tally) for days, tally in tallies.items()}
