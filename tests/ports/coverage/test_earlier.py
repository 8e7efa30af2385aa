"""How many people there were earlier, for forecasts of now and of any day, on the fake and on MongoDB."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings

from services.coverage.counting.ports import Store
from services.coverage.reading.as_of import Past
from services.coverage.reference.domain.forecast import LOOKED_BACK
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.changes import Change
from shared.contracts.snapshots import Snapshot
from tests.factories_coverage import TODAY, VILLAGE, change, changes, state
from tests.factories_reference import index_of, row
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore, viewer_of
from tests.ports.coverage.test_timelines import DAY, REGIONS, keep, numbers, until
from tests.stores_coverage import fresh_store

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


async def test_a_forecast_looks_back_as_far_as_the_history_goes(store: Store) -> None:
    """By basis, at every level; a window from before the first effective day is left out, of now and of a day."""
    await keep(store, joined_ago(100, 100, 50, 50, 20, 10))
    regions = ["ID", "11", "11.01.02", VILLAGE]
    viewer = viewer_of(store, paths(*regions), lambda _: (), ManualClock())
    for shot in await viewer.snapshots(regions):
        assert gained(shot) == {30: 2, 90: 4}
        assert gained(shot, "vulnerable") == {30: 1, 90: 2}
    for shot in await viewer.snapshots(regions, AsOf(TODAY - 40 * DAY)):
        assert gained(shot) == {30: 2}
    for shot in await viewer.snapshots(regions, AsOf(TODAY - 71 * DAY)):
        assert gained(shot) == {}


async def test_a_history_of_which_nobody_is_left_counts(store: Store) -> None:
    """Nobody was there 90 days ago, and it is known."""
    all_left = change(1, "ended", before=state(), after=None, effective_day=TODAY - 150 * DAY)
    await keep(store, [*joined_ago(200), all_left, *joined_ago(5, first=2)])
    (shot,) = await viewer_of(store, paths("11"), lambda _: (), ManualClock()).snapshots(["11"])
    assert gained(shot) == {30: 1, 90: 1, 180: 0}


async def test_what_was_taken_back_is_no_history(store: Store) -> None:
    """The first effective day is that of what stands."""
    taken_back = change(1, diff=-1, effective_day=TODAY - 200 * DAY)
    await keep(store, [*joined_ago(200), taken_back, *joined_ago(40, first=2)])
    (shot,) = await viewer_of(store, paths("11"), lambda _: (), ManualClock()).snapshots(["11"])
    assert gained(shot) == {30: 0}


async def test_gains_are_remembered_and_made_anew_after_a_rest(store: Store) -> None:
    """Meanwhile a late fact makes no leap; once the rest is over the region is to be shown anew."""
    await keep(store, joined_ago(100, 20))
    clock = ManualClock()
    viewer = viewer_of(store, paths("11"), lambda _: (), clock)
    assert gained((await viewer.snapshots(["11"]))[0]) == {30: 1, 90: 1}
    await keep(store, joined_ago(100, 5, first=2))
    assert gained((await viewer.snapshots(["11"]))[0]) == {30: 1, 90: 1}
    assert viewer.overdue() == []
    clock.advance(timedelta(hours=1))
    assert viewer.overdue() == ["11"]
    assert gained((await viewer.snapshots(["11"]))[0]) == {30: 2, 90: 2}
    assert viewer.overdue() == []


@given(changes())
async def test_earlier_days_are_what_their_own_changes_make(some: list[Change]) -> None:
    """Each as if asked about by itself, and there only once somebody had come."""
    store = MemoryStore()
    await keep(store, some)
    at = AsOf(TODAY, TODAY + 20 * DAY)
    found = await Past(store).then(REGIONS, at, LOOKED_BACK)
    for days in LOOKED_BACK:
        part = MemoryStore()
        await keep(part, until(some, TODAY - days * DAY, TODAY + 20 * DAY))
        tallies = {region: figures.tally for region, figures in (await part.figures(REGIONS, None)).items()}
        begun = {region for region, tally in tallies.items() if tally.arrivals > 0}
        assert begun == {region for region, then in found.items() if days in then.earlier}
        for region in begun:
            assert numbers(found[region].earlier[days]) == numbers(tallies[region])


@settings(max_examples=5)
@given(some=changes())
async def test_mongodb_looks_back_as_memory_does(mongodb_uri: str, some: list[Change]) -> None:
    """The same arrivals in every region, so the same windows."""
    memory = MemoryStore()
    await keep(memory, some)
    async with fresh_store(mongodb_uri, "t_earlier") as store:
        await keep(store, some, size=3)
        for day in (TODAY, TODAY - 60 * DAY):
            theirs = await Past(store).then(REGIONS, AsOf(day), LOOKED_BACK)
            ours = await Past(memory).then(REGIONS, AsOf(day), LOOKED_BACK)
            for region in REGIONS:
                assert theirs[region].figures.tally.arrivals == ours[region].figures.tally.arrivals
                assert theirs[region].earlier.keys() == ours[region].earlier.keys()
