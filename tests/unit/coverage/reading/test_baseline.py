"""How many people there were earlier, for forecasts of now and of any day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given

from services.coverage.counting.domain.region_counts import Period
from services.coverage.reading.baseline import first_looked_back, numerators_before
from services.coverage.reading.derived import numerators_of
from services.coverage.reference.domain.forecast import LOOKED_BACK
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.changes import Change
from shared.contracts.snapshots import Snapshot
from tests.factories_coverage import TODAY, VILLAGE, change, changes, state
from tests.factories_reference import index_of, row
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore, reader_of
from tests.ports.coverage.test_timelines import DAY, REGIONS, keep, until

PATH = TargetPath((PathPoint(date(2045, 12, 31), Decimal("0.9")),))


def paths(*regions: str) -> ReferenceIndex:
    """Return a book in which these regions have a potential and a path, of all workers and of one group."""
    rows = [row(POTENTIALS, region, basis, 1_000) for region in regions for basis in ("workers", "vulnerable")]
    asked = [row(TARGETS, region, f"{b} registered", PATH) for region in regions for b in ("workers", "vulnerable")]
    return index_of(*rows, *asked)


def gained(shot: Snapshot, basis: str = "workers") -> dict[int, int]:
    """Return how many people were gained, by days."""
    projections = [p for f in shot.forecast if f.basis == basis for p in (*f.range, f.at_rate) if p is not None]
    return {projection.days: projection.gained for projection in projections}


def joined_ago(*days: int, first: int = 0) -> list[Change]:
    """Return people who joined so many days ago, every second one vulnerable."""
    return [
        change(
            first + n, effective_day=TODAY - ago * DAY, after=state(VILLAGE, groups=("vulnerable",) if n % 2 else ())
        )
        for n, ago in enumerate(days)
    ]


async def test_a_forecast_looks_back_as_far_as_the_history_goes(store: MemoryStore) -> None:
    """By basis, at every level; a window from before the first effective day is left out, of now and of a day."""
    await keep(store, joined_ago(100, 100, 50, 50, 20, 10))
    regions = ["ID", "11", "11.01.02", VILLAGE]
    reader = reader_of(store, paths(*regions), lambda _: (), ManualClock())
    for shot in await reader.snapshots(regions):
        assert gained(shot) == {30: 2, 90: 4}
        assert gained(shot, "vulnerable") == {30: 1, 90: 2}
    for shot in await reader.snapshots(regions, AsOf(TODAY - 40 * DAY)):
        assert gained(shot) == {30: 2}
    for shot in await reader.snapshots(regions, AsOf(TODAY - 71 * DAY)):
        assert gained(shot) == {}


async def test_a_history_of_which_nobody_is_left_counts(store: MemoryStore) -> None:
    """Nobody was there 90 days ago, and it is known."""
    all_left = change(1, "ended", before=state(), after=None, effective_day=TODAY - 150 * DAY)
    await keep(store, [*joined_ago(200), all_left, *joined_ago(5, first=2)])
    (shot,) = await reader_of(store, paths("11"), lambda _: (), ManualClock()).snapshots(["11"])
    assert gained(shot) == {30: 1, 90: 1, 180: 0}


async def test_what_was_taken_back_is_no_history(store: MemoryStore) -> None:
    """The first effective day is that of what stands."""
    taken_back = change(1, diff=-1, effective_day=TODAY - 200 * DAY)
    await keep(store, [*joined_ago(200), taken_back, *joined_ago(40, first=2)])
    (shot,) = await reader_of(store, paths("11"), lambda _: (), ManualClock()).snapshots(["11"])
    assert gained(shot) == {30: 0}


async def test_gains_are_remembered_and_made_anew_after_a_rest(store: MemoryStore) -> None:
    """Meanwhile a late fact makes no leap; once the rest is over the region is to be shown anew."""
    await keep(store, joined_ago(100, 20))
    clock = ManualClock()
    reader = reader_of(store, paths("11"), lambda _: (), clock)
    assert gained((await reader.snapshots(["11"]))[0]) == {30: 1, 90: 1}
    await keep(store, joined_ago(100, 5, first=2))
    assert gained((await reader.snapshots(["11"]))[0]) == {30: 1, 90: 1}
    assert reader.overdue() == []
    clock.advance(timedelta(hours=1))
    assert reader.overdue() == ["11"]
    assert gained((await reader.snapshots(["11"]))[0]) == {30: 2, 90: 2}
    assert reader.overdue() == []


@given(changes())
async def test_earlier_days_are_what_their_own_changes_make(some: list[Change]) -> None:
    """Each as if it had been asked about by itself, and present only once somebody had come."""
    store, at = MemoryStore(), AsOf(TODAY, TODAY + 20 * DAY)
    await keep(store, some)
    lines = await store.timelines(REGIONS, Period(first_looked_back(at.day), at.day, TODAY + 20 * DAY))
    found = {region: numerators_before(line, at.day) for region, line in lines.items()}
    for days in LOOKED_BACK:
        part = MemoryStore()
        await keep(part, until(some, TODAY - days * DAY, TODAY + 20 * DAY))
        tallies = {region: counts.tally for region, counts in (await part.figures(REGIONS, None)).items()}
        begun = {region: numerators_of(tally) for region, tally in tallies.items() if tally.arrivals > 0}
        assert begun == {region: earlier[days] for region, earlier in found.items() if days in earlier}
