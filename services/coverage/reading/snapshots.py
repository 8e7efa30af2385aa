"""Reads snapshots of regions: counts from the store, completed with reference data, of now or as of a day.

A region takes two shapes: `RegionCounts` as the store gives it, and `Snapshot`, first with its counts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from services.coverage.counting.domain.counters import DUE_WINDOWS
from services.coverage.counting.domain.flows import before, first_day, windowed
from services.coverage.counting.domain.region_counts import Period, RegionCounts, Version
from services.coverage.counting.ports import Store
from services.coverage.reading.baseline import Baseline, first_looked_back, numerators_before
from services.coverage.reading.boards import Boards
from services.coverage.reading.derived import Board, Deriver, Numerators, numerators
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count, Coverage, DueWindow, Snapshot
from shared.regions.codes import NATION, level_of, local, parent_of, zone_name, zone_of
from shared.runtime.clock import Clock
from shared.runtime.tasks import in_turns

K = TypeVar("K")

_KEPT: Final = 5_000
"""Regions kept, the ones read last: 550 down to regencies, and districts with their villages. 10 KB each."""
_PAST_KEPT: Final = 8_000
"""Regions kept as of days of the past: a day of all regencies and districts, whose officials take the monev sheet."""


class _MadeOf(NamedTuple):
    """What a snapshot follows from beside its counts and its day: while all of it stays, so does the snapshot."""

    reference_size: int
    catching_up: bool
    baseline: Version | None


@dataclass(slots=True)
class _Kept:
    """A counted snapshot of a day, which holds until the region's version changes.

    `earlier` has the numerators of the days before a day of the past, if they were asked for. `whole` is the snapshot
    with its boards and all that follows from reference data; its `as_of` is of another time.
    """

    day: AsOf
    version: Version
    counted: Snapshot
    earlier: Mapping[int, Numerators] | None = None
    whole: tuple[_MadeOf, Snapshot] | None = None


class SnapshotReader:
    """Reads what regions are now, and what they were on a day."""

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
        self._baseline = Baseline(store, clock)
        self._deriver = deriver
        self._boards = boards
        self._name_of = name_of
        self._clock = clock
        self._catching_up = catching_up
        self._kept: dict[str, _Kept] = {}
        self._past: dict[tuple[str, AsOf], _Kept] = {}

    async def snapshots(
        self, regions: Sequence[str], at: AsOf | None = None, *, with_boards: bool = True
    ) -> list[Snapshot]:
        """Return the snapshot of each region, in this order, all of one point in time: of now, or as of a day.

        As of a day `due`, `fed_at` and `recorded_at` are empty: they are known of the present only. Boards are the
        dearest part of the past; without them `quota` and `designation` are empty.
        """
        now = self._clock.now()
        days = _days(regions, now, at)
        kept = await (self._counted(days, now) if at is None else self._then(regions, at, now))
        wholes = await self._wholes(kept, now=at is None, with_boards=with_boards)
        return [
            replace(wholes[region], as_of=now if at is None else min(now, _end_of(region, at.day)))
            async for region in in_turns(regions)
        ]

    async def _wholes(self, kept: Mapping[str, _Kept], *, now: bool, with_boards: bool) -> dict[str, Snapshot]:
        """Return the whole snapshots; makes those anew of which anything has changed, or all if without boards."""
        # Noted before anything is read, so that the next call notices what changes in between.
        of = {region: self._made_of(region, one, now=now) for region, one in kept.items()}
        wholes = {r: one.whole[1] for r, one in kept.items() if with_boards and one.whole and one.whole[0] == of[r]}
        anew = {region: one for region, one in kept.items() if region not in wholes}
        if not anew:
            return wholes
        earlier = await self._before_now(anew) if now else {region: one.earlier for region, one in anew.items()}
        counted, days = {r: one.counted for r, one in anew.items()}, {r: one.day for r, one in anew.items()}
        boards = await self._boards.of(counted, days, now=now) if with_boards else {}
        await self._deriver.prepare(days)
        async for region, one in in_turns(anew.items()):
            wholes[region] = self._deriver.complete(
                one.counted, one.day, earlier.get(region) or {}, boards.get(region, Board()), one.counted.as_of,
                catching_up=of[region].catching_up,
            )  # fmt: skip
            if with_boards:
                one.whole = of[region], wholes[region]
        return wholes

    def _made_of(self, region: str, kept: _Kept, *, now: bool) -> _MadeOf:
        baseline = None
        if now and self._deriver.has_forecast(region, kept.day):
            baseline = self._baseline.version(region, kept.day, kept.version)
        return _MadeOf(self._deriver.reference.size, self._catching_up(region), baseline)

    async def fed_at(self, region: str) -> Mapping[str, datetime]:
        """Return the time of each source's newest fact in the region, as known now."""
        now = self._clock.now()
        return (await self._counted(_days([region], now, None), now))[region].counted.fed_at

    async def state(self, regions: Sequence[str], at: AsOf | None = None) -> list[object]:
        """Return what the snapshots of these regions depend on, apart from the time of reading.

        If it has not changed, they have not either, nor has anything else that is read from the same counts. The first
        region holds all others, so its version stands for theirs.
        """
        top, days = regions[0], _days(regions, self._clock.now(), at)
        forecast = [] if at else [region for region in regions if self._deriver.has_forecast(region, days[region])]
        versions = await self._store.versions({top, *forecast})
        baselines = [self._baseline.version(region, days[region], versions[region]) for region in forecast]
        catching_up = [self._catching_up(region) for region in regions]
        return [versions[top], self._deriver.reference.size, days, catching_up, baselines]

    def overdue(self) -> list[str]:
        """Return the regions whose last forecast was outdated and can be made anew."""
        return self._baseline.overdue()

    async def _before_now(self, anew: Mapping[str, _Kept]) -> dict[str, Mapping[int, Numerators]]:
        forecast = {region: one for region, one in anew.items() if self._deriver.has_forecast(region, one.day)}
        days = {region: one.day for region, one in forecast.items()}
        versions = {region: one.version for region, one in forecast.items()}
        return await self._baseline.of(days, versions, {r: _numerators(one.counted) for r, one in forecast.items()})

    async def _counted(self, days: Mapping[str, AsOf], now: datetime) -> dict[str, _Kept]:
        """Return each region's counts on its day, all of one point in time; reads only what has changed.

        WIB's day is the earliest of the three, so windows begin no later there than elsewhere.
        """
        there = {region: one for region in days if (one := self._kept.get(region)) is not None}
        kept = {region: one for region, one in there.items() if one.day == days[region]}
        known = {region: one.version for region, one in kept.items()}
        figures = await self._store.figures(days, first_day(local(NATION, now).date()), known)
        anew = {
            region: _Kept(days[region], counts.version, self._snapshot(region, counts, days[region].day, now))
            async for region, counts in in_turns(figures.items())
        }
        found = kept | anew
        _keep(self._kept, found, _KEPT)
        return found

    async def _then(self, regions: Sequence[str], at: AsOf, now: datetime) -> dict[str, _Kept]:
        forecast = {region for region in regions if self._deriver.has_forecast(region, at)}
        kept = {
            region: one
            for region in regions
            if (one := self._past.get((region, at))) is not None and (one.earlier is not None or region not in forecast)
        }
        first = first_day(at.day)
        period = Period(first_looked_back(at.day) if forecast else before(first), at.day, at.known_at or date.max)
        known = {region: one.version for region, one in kept.items()}
        lines = await self._store.timelines(regions, period, known)
        async for region, line in in_turns(lines.items()):
            counts = RegionCounts(line.tally, line.position, line.flows_between(first, at.day), line.generation)
            counted = self._snapshot(region, counts, at.day, now, {})
            earlier = numerators_before(line, at.day) if region in forecast else None
            kept[region] = _Kept(at, line.version, counted, earlier)
        _keep(self._past, {(region, at): one for region, one in kept.items()}, _PAST_KEPT)
        return kept

    def _snapshot(
        self, region: str, counts: RegionCounts, day: date, as_of: datetime,
        due: Mapping[DueWindow, timedelta] = DUE_WINDOWS,
    ) -> Snapshot:  # fmt: skip
        """Return the region's snapshot with its counts alone."""
        tally, is_village = counts.tally, level_of(region) == "village"
        return Snapshot(
            region=region,
            name=self._name_of(region) or region,
            level=level_of(region),
            time_zone=zone_name(region),
            parent=parent_of(region),
            registered=tally.registered,
            active=tally.active,
            unplaced=Count() if is_village else Count(tally.placed_here, tally.placed_here_active),
            potential={},
            coverage=Coverage(),
            flows=windowed(counts.flows, day),
            as_of=as_of,
            recorded_at=tally.recorded_at,
            position=counts.position,
            fed_at=dict(sorted(tally.fed_at.items())),
            by_segment=tally.by("segment"),
            by_group=tally.by("group"),
            by_payer=tally.by("payer"),
            by_programme=tally.by("programme"),
            due={window: tally.due_by_payer(day + ahead) for window, ahead in due.items()},
        )


def _keep(kept: dict[K, _Kept], read: Mapping[K, _Kept], at_most: int) -> None:
    """Keep what was read, and at most so much in all: what was read last."""
    for key, one in read.items():
        kept.pop(key, None)
        kept[key] = one
    for key in list(islice(kept, max(0, len(kept) - at_most))):
        del kept[key]


def _days(regions: Iterable[str], now: datetime, at: AsOf | None) -> dict[str, AsOf]:
    """Return the day of each region: the one asked about, or the region's today."""
    return {region: at or AsOf(local(region, now).date()) for region in regions}


def _numerators(counted: Snapshot) -> Numerators:
    return numerators(counted.registered, counted.active, counted.by_group)


def _end_of(region: str, day: date) -> datetime:
    """Return the last second of the day in the region's zone."""
    return datetime.combine(day, time(23, 59, 59), zone_of(region))
