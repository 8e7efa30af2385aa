"""A region over time: history, flows and who is due, by the definition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given

from services.coverage.reading.due import By, DuePart, DueReader
from services.coverage.reading.series import Series, days_of
from services.coverage.reference.domain.potentials import POTENTIALS, Potentials
from services.coverage.reference.domain.reference import RecordedRow
from shared.contracts.changes import Change
from shared.contracts.snapshots import Count, Ratio
from tests.factories_coverage import NEIGHBOUR, OTHER_REGENCY, RECORDED_AT, TODAY, VILLAGE, change, changes, state
from tests.factories_reference import index_of, row, tree
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore
from tests.ports.coverage.test_timelines import DAY, REGIONS, keep, until

CHILDREN = tree(VILLAGE, NEIGHBOUR, OTHER_REGENCY)


def series(store: MemoryStore, *rows: RecordedRow[int]) -> Series:
    """Return what reads the store's regions over time, with these potentials."""
    return Series(store, Potentials(index_of(*rows), CHILDREN))


async def test_each_day_has_the_potential_that_was_in_force(store: MemoryStore) -> None:
    """Null before there was any; people by what was known."""
    late = change(1, effective_day=TODAY - 2 * DAY)
    await keep(store, [change(0, effective_day=TODAY - 2 * DAY, recorded_at=RECORDED_AT - 2 * DAY), late])
    told = series(store, row(POTENTIALS, "11", "workers", 4, TODAY - DAY))
    days = [*days_of(TODAY - 3 * DAY, TODAY, "day")]
    points = await told.history("11", days, None)
    assert [(p.day, p.registered, p.potential) for p in points] == [
        (TODAY - 3 * DAY, 0, None), (TODAY - 2 * DAY, 2, None), (TODAY - DAY, 2, 4), (TODAY, 2, 4),
    ]  # fmt: skip
    assert points[-1].coverage.active == Ratio(2, 4, 0.5)
    assert [p.active for p in await told.history("11", days, TODAY - DAY)] == [0, 1, 1, 1]


def test_months_end_with_their_last_day() -> None:
    """And with the last day asked about, which may be within one."""
    days = [*days_of(date(2023, 12, 31), date(2024, 3, 15), "month")]
    assert days == [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 15)]
    assert [*days_of(TODAY, TODAY, "month")] == [TODAY]


@given(changes())
async def test_people_change_by_what_flows(some: list[Change]) -> None:
    """Registered: joined + rejoined + moved_in − ended − moved_out; active: the sum of all second figures."""
    store = MemoryStore()
    await keep(store, some)
    for first, last, known_at in (
        (TODAY - 60 * DAY, TODAY - 20 * DAY, None),
        (TODAY - 120 * DAY, TODAY, None),
        (TODAY - 120 * DAY, TODAY, TODAY + 10 * DAY),
    ):
        for region in REGIONS:
            found = await series(store).flows(region, first, last, known_at, TODAY)
            begun, ended = await series(store).history(region, [first - DAY, last], known_at)
            assert found.change == Count(ended.registered - begun.registered, ended.active - begun.active)


@given(changes())
async def test_days_in_the_windows_flow_alike_from_counters_and_pages(some: list[Change]) -> None:
    """The cheaper way gives the same."""
    store = MemoryStore()
    await keep(store, until(some, TODAY, date.max))
    for region in REGIONS:
        cheap = await series(store).flows(region, TODAY - 40 * DAY, TODAY - DAY, None, TODAY)
        assert cheap == await series(store).flows(region, TODAY - 40 * DAY, TODAY - DAY, date.max, TODAY)


async def due(store: MemoryStore, region: str, by: By, days: int = 60) -> tuple[int, Sequence[DuePart], int | None]:
    """Return who is due within so many days of 21 November."""
    found = await DueReader(store, CHILDREN, ManualClock()).of(region, timedelta(days=days), by)
    return found.people, found.parts, found.unplaced


async def test_who_is_due_is_told_by_payer_child_month_and_group(store: MemoryStore) -> None:
    """Groups overlap; a region's own people are in none of its children."""
    soon, later = date(2026, 12, 1), date(2027, 1, 1)
    two = state(groups=("non_asn", "vulnerable"), payer="csr", lapses_on=soon)
    some = [
        two,
        state(NEIGHBOUR, lapses_on=later),
        state("11.01.02", lapses_on=later),
        state(lapses_on=date(2028, 1, 1)),
    ]
    await keep(store, [change(n, after=one) for n, one in enumerate(some)])
    assert await due(store, "11.01.02", "payer") == (3, [DuePart("csr", 1), DuePart("self", 2)], None)
    assert await due(store, "11.01.02", "payer", days=10) == (1, [DuePart("csr", 1)], None)
    assert await due(store, "11.01.02", "month") == (3, [DuePart("2026-12", 1), DuePart("2027-01", 2)], None)
    assert await due(store, "11.01.02", "group") == (3, [DuePart("non_asn", 1), DuePart("vulnerable", 1)], None)
    assert await due(store, "11.01.02", "child") == (3, [DuePart(VILLAGE, 1), DuePart(NEIGHBOUR, 1)], 1)
    assert await due(store, "ID", "child") == (3, [DuePart("11", 3)], 0)
