"""Regions as of any day, known at any day, on the fake and on MongoDB, against the definition in semantics.md."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import before
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import Period
from services.coverage.counting.mongo import blocks as mongo_documents
from services.coverage.counting.mongo import folded, pages
from services.coverage.counting.ports import Flush, Store
from shared.contracts.changes import Change
from shared.contracts.snapshots import Count
from shared.regions.codes import WIB, level_of, lineage_of, parent_of
from tests.factories_coverage import (
    NEIGHBOUR,
    PLACES,
    RECORDED_AT,
    TODAY,
    VILLAGE,
    by_day,
    change,
    changes,
    counted,
    partition,
    state,
)
from tests.fakes_coverage import MemoryStore
from tests.stores_coverage import fresh_store

REGIONS = sorted({region for place in PLACES for region in lineage_of(place)})
DAY = timedelta(days=1)
_DAYS = (date.min, *(TODAY + days * DAY for days in (-90, -40, -30, -10, -1, 0, 1, 10, 40)), date.max)


async def keep(store: Store, some: list[Change], size: int = 1000) -> None:
    """Apply the changes, each in its partition, in flushes of so many at most."""
    checkpoints = {at: checkpoint.position for at, checkpoint in (await store.checkpoints()).items()}
    mine: dict[int, list[Change]] = {}
    for one in some:
        place = one.after or one.before
        assert place is not None
        mine.setdefault(partition(place.region), []).append(one)
    for at, theirs in mine.items():
        for first in range(0, len(theirs), size):
            part = theirs[first : first + size]
            before = checkpoints[at]
            checkpoints[at] = Position(before.next_seq + len(part), before.next_offset + len(part))
            await store.apply(
                [Flush(at, before, checkpoints[at], Sum(map(counted, part)), behind=False, flows_from=date.min)]
            )


def numbers(tally: Tally) -> tuple[object, ...]:
    """Return every count of people in a tally."""
    dimensions = (tally.by("segment"), tally.by("group"), tally.by("payer"), tally.by("programme"))
    return (tally.registered, tally.active, tally.placed_here, tally.placed_here_active, *dimensions)


def until(some: list[Change], day: date, known_at: date) -> list[Change]:
    """Return the changes effective by the one day and recorded by the other."""
    return [one for one in some if one.effective_day <= day and one.recorded_at.astimezone(WIB).date() <= known_at]


async def as_of(store: Store, regions: Collection[str], day: date, known_at: date) -> dict[str, Tally]:
    """Return the regions as of a day, known at a day."""
    lines = await store.timelines(regions, Period(day, day, known_at))
    return {region: line.tally for region, line in lines.items()}


async def test_history_goes_day_by_day(store: Store) -> None:
    """Each day with all that took effect by then; by dimension too."""
    some = [change(n, effective_day=TODAY - n * DAY, after=state(segment="PU")) for n in range(4)]
    await keep(store, some)
    days = [TODAY - n * DAY for n in range(5)]
    line = (await store.timelines(["11.01.02"], Period(min(days))))["11.01.02"]
    history = line.history(days)
    assert [history[day].registered for day in days] == [4, 3, 2, 1, 0]
    assert history[days[2]].by("segment") == {"PU": Count(2, 2)}


async def test_flows_of_any_days_are_read(store: Store) -> None:
    """By effective day and kind, at any level, as known at a day."""
    move = change(1, "moved", before=state(), after=state(NEIGHBOUR), recorded_at=RECORDED_AT + DAY)
    await keep(store, [change(0, effective_day=TODAY - 3 * DAY), move])
    lines = await store.timelines([VILLAGE, NEIGHBOUR, "11.01.02", "11", "ID"], Period(date.min))
    assert by_day(lines[VILLAGE].flows_between(TODAY - 2 * DAY, TODAY)) == {(TODAY, "moved_out"): Count(1, -1)}
    for region in ("11.01.02", "11", "ID"):
        joined_then = {(TODAY - 3 * DAY, "joined"): Count(1, 1)}
        assert by_day(lines[region].flows_between(date.min, date.max)) == joined_then
    known = (await store.timelines([NEIGHBOUR], Period(date.min, known_at=TODAY)))[NEIGHBOUR]
    assert known.flows_between(TODAY, TODAY) == {}


@given(changes())
async def test_as_of_and_known_at_are_what_the_definition_says(some: list[Change]) -> None:
    """Whatever came later by effect or by recording, the rest alone counts, in every region and dimension."""
    whole = MemoryStore()
    await keep(whole, some)
    for day, known_at in ((TODAY - 30 * DAY, TODAY + 10 * DAY), (TODAY, TODAY), (date.max, date.max)):
        part = MemoryStore()
        await keep(part, until(some, day, known_at))
        expected = await part.figures(REGIONS, None)
        found = await as_of(whole, REGIONS, day, known_at)
        assert {region: numbers(t) for region, t in found.items()} == {
            region: numbers(figures.tally) for region, figures in expected.items()
        }


@settings(max_examples=8)
@given(some=changes())
async def test_mongodb_gives_back_what_memory_does(mongodb_uri: str, some: list[Change]) -> None:
    """The same changes, in flushes of three here and one by one there, lists summed each second time: same answers."""
    memory = MemoryStore()
    with patch.object(mongo_documents, "_LISTED", 2):
        async with fresh_store(mongodb_uri, "t_timelines") as store:
            await keep(store, some, size=3)
            await keep(memory, some, size=1)
            assert await everything(store) == await everything(memory)


@settings(max_examples=15)
@given(some=changes(), day=st.sampled_from(_DAYS), known_at=st.sampled_from(_DAYS), apart=st.booleans())
async def test_folded_pages_tell_what_memory_does(
    mongodb_uri: str, some: list[Change], day: date, known_at: date, apart: bool
) -> None:
    """Pages of two numbers, folded as soon as they are closed, at once or one by one: each region as of any day."""
    memory, periods = MemoryStore(), [Period(first, day, known_at) for first in (date.min, before(day, 20 * DAY))]
    await keep(memory, some)
    with (
        patch.object(pages, "STRETCH", 2),
        patch.object(folded, "_FOLDED_TOGETHER", 1),
        patch.object(folded, "_PARTS", 1),
    ):
        async with fresh_store(mongodb_uri, "t_timelines") as store:
            for counted_next in [[one] for one in some] if apart else [some]:
                await keep(store, counted_next, size=1)
                await store.timelines(["ID"], Period(date.min))
            assert [await in_period(store, one) for one in periods] == [await in_period(memory, one) for one in periods]


async def in_period(store: Store, period: Period) -> dict[str, tuple[object, ...]]:
    """Return each region's counts at the end of a period and the day before it, and the flows in it."""
    lines = await store.timelines(REGIONS, period)
    return {
        region: (
            numbers(line.tally),
            numbers(line.tally_on(period.after)),
            by_day(line.flows_between(period.after, period.until)),
        )
        for region, line in lines.items()
    }


@settings(max_examples=8)
@given(some=changes(), day=st.sampled_from(_DAYS), known_at=st.sampled_from(_DAYS))
async def test_people_of_villages_are_those_of_their_timelines(
    mongodb_uri: str, some: list[Change], day: date, known_at: date
) -> None:
    """Read by district, now and as of a day; a district without people is missing or has none."""
    villages = [place for place in PLACES if level_of(place) == "village"]
    districts = {parent_of(village) or "" for village in villages}
    async with fresh_store(mongodb_uri, "t_timelines") as store:
        await keep(store, some, size=3)
        then = Period(day, day, known_at)
        for period, lines in (
            (None, await store.figures(villages, None)),
            (then, await store.timelines(villages, then)),
        ):
            people = await store.people(districts, period)
            found = {village: numbers(Tally(people.get(village, {}))) for village in villages}
            assert found == {village: numbers(Tally(lines[village].tally.people)) for village in villages}


async def test_a_reader_keeps_its_point_in_time_though_others_fold_later_pages(mongodb_uri: str) -> None:
    """Its regions are then read from the pages themselves."""
    some = [change(n, effective_day=TODAY - n * DAY, after=state()) for n in range(12)]
    with patch.object(pages, "STRETCH", 1), patch.object(folded, "_FOLDED_TOGETHER", 1):
        async with fresh_store(mongodb_uri, "t_timelines") as store:
            await keep(store, some[:4], size=1)
            async with store.point_in_time() as earlier:
                for at in range(4, 12):
                    await keep(store, [some[at]])
                    now = (await store.timelines(["ID"], Period(date.min)))["ID"]
                    assert now.tally.registered == sum(people for _, people in now.movements) == at + 1
                then = (await earlier.timelines(["ID"], Period(date.min)))["ID"]
            assert then.tally.registered == sum(people for _, people in then.movements) == 4


async def everything(store: Store) -> dict[str, tuple[object, ...]]:
    """Return everything that a store knows of every region, now and on two days."""
    figures = await store.figures(REGIONS, date.min)
    then = [await as_of(store, REGIONS, day, TODAY + 10 * DAY) for day in (TODAY - 30 * DAY, TODAY)]
    return {
        region: (
            numbers(found.tally),
            found.tally.due(date.max),
            found.tally.fed_at,
            found.tally.recorded_at,
            by_day(found.flows),
            [numbers(tallies[region]) for tallies in then],
        )
        for region, found in figures.items()
    }
