"""One suite for coverage's stores, on the fakes and on MongoDB, with expectations written by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.coverage.counting.apply import Applier
from services.coverage.counting.catching_up import CatchingUp
from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import Flow, by_day, first_day
from services.coverage.counting.domain.movements import counted
from services.coverage.counting.domain.position import Position
from services.coverage.counting.metrics import CountingMetrics
from services.coverage.counting.ports import Flush, ReferenceStore, Store
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.kinds.table import KINDS
from services.coverage.reference.layouts import Layout
from services.coverage.reference.mongo import MongoReference
from services.coverage.reference.openapi import as_csv
from services.coverage.reference.rows import check
from services.coverage.reference.tables import read_csv
from shared.adapters.mongo import Mongo
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes
from shared.runtime.errors import FencedError
from tests.factories_coverage import (
    NEIGHBOUR,
    OTHER_PROVINCE,
    RECORDED_AT,
    TODAY,
    VILLAGE,
    change,
    joined,
    partition,
    state,
)
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryReference

FIGURE = Figure(POTENTIALS, "11", "workers", date(2023, 9, 1), 1_710_891, "bps", "all who work")
AT = datetime(2026, 11, 21, 3, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture
async def reference(mongo: Mongo | None) -> ReferenceStore:
    """The store of reference data, twice."""
    if mongo is None:
        return MemoryReference()
    reference = MongoReference(mongo)
    await reference.prepare()
    return reference


def flush(changes: list[Change], before: Position, region: str = VILLAGE, *, behind: bool = False) -> Flush:
    """Return the flush of a batch whose records lie one behind the other."""
    after = Position(before.next_seq + len(changes), before.next_offset + len(changes))
    return Flush(partition(region), before, after, Sum(map(counted, changes)), behind, first_day(TODAY))


async def test_nothing_was_applied_at_first(store: Store) -> None:
    """Every partition stands at 0, and every region has figures of 0."""
    checkpoints = await store.checkpoints()
    assert sorted(checkpoints) == list(range(12))
    assert {checkpoint.position for checkpoint in checkpoints.values()} == {Position()}
    figures = (await store.figures(["11"], TODAY))["11"]
    assert (figures.tally.registered, figures.position, figures.flows) == (0, 0, {})


async def test_a_flush_moves_checkpoint_counters_and_flows_together(store: Store) -> None:
    """What is read afterwards is what was applied."""
    await store.apply([flush([*joined(2), change(2, after=state(NEIGHBOUR, active=False))], Position())])
    assert (await store.checkpoints())[partition()].position == Position(3, 3)
    figures = (await store.figures(["11.01"], TODAY))["11.01"]
    assert (figures.tally.registered, figures.tally.active, figures.position) == (3, 2, 3)
    assert by_day(figures.flows) == {(TODAY, "joined"): Flow(3, 2)}
    assert figures.tally.fed_at == {"bpjs/aceh": RECORDED_AT}
    assert figures.tally.recorded_at == RECORDED_AT


async def test_flushes_add_up(store: Store) -> None:
    """Counts add, times keep the newest, the position grows."""
    earlier = RECORDED_AT - timedelta(days=1)
    await store.apply([flush(joined(2), Position())])
    await store.apply([flush([change(2, recorded_at=earlier, source="a.b/c$")], Position(2, 2))])
    figures = (await store.figures([VILLAGE], TODAY))[VILLAGE]
    assert (figures.tally.registered, figures.tally.placed_here, figures.position) == (3, 3, 3)
    assert figures.tally.fed_at == {"bpjs/aceh": RECORDED_AT, "a.b/c$": earlier}
    assert figures.tally.recorded_at == RECORDED_AT
    assert by_day(figures.flows) == {(TODAY, "joined"): Flow(3, 3)}


async def test_a_flush_from_an_old_position_is_fenced_and_writes_nothing(store: Store) -> None:
    """A zombie, or a batch applied twice, counts nothing."""
    await store.apply([flush(joined(2), Position())])
    with pytest.raises(FencedError):
        await store.apply([flush(joined(2), Position())])
    with pytest.raises(FencedError):
        await store.apply([flush(joined(1, first=5), Position(5, 5))])
    assert (await store.figures(["ID"], TODAY))["ID"].tally.registered == 2
    assert (await store.checkpoints())[partition()].position == Position(2, 2)


async def test_a_flush_without_changes_moves_the_offset_alone(store: Store) -> None:
    """Records that were all set aside are passed for good."""
    await store.apply([Flush(3, Position(), Position(0, 7), Sum(), behind=False, flows_from=TODAY)])
    assert (await store.checkpoints())[3].position == Position(0, 7)
    with pytest.raises(FencedError):
        await store.apply([Flush(3, Position(), Position(0, 7), Sum(), behind=False, flows_from=TODAY)])


async def test_partitions_are_summed_for_nation_and_province(store: Store) -> None:
    """Each partition keeps its own part; a region's position is the sum of the parts'."""
    await store.apply([flush(joined(2), Position())])
    await store.apply([flush(joined(3, OTHER_PROVINCE), Position(), OTHER_PROVINCE)])
    figures = await store.figures(["ID", "11", "92", "12"], TODAY)
    assert [figures[region].tally.registered for region in ("ID", "11", "92", "12")] == [5, 2, 3, 0]
    assert {r: v.position for r, v in (await store.versions(["ID", "11", "12"])).items()} == {"ID": 5, "11": 2, "12": 0}
    assert by_day(figures["ID"].flows) == {(TODAY, "joined"): Flow(5, 5)}


async def test_what_is_known_is_left_out_until_it_changes(store: Store) -> None:
    """By its version; of a region that nothing was counted in too."""
    await store.apply([flush(joined(2), Position())])
    regions = ["ID", "11", "12", VILLAGE]
    known = {region: found.version for region, found in (await store.figures(regions, None)).items()}
    assert known == await store.versions(regions)
    assert await store.figures(regions, TODAY, known) == {}
    assert set(await store.figures([*regions, "92"], TODAY, known)) == {"92"}
    await store.apply([flush(joined(1, first=2), Position(2, 2))])
    anew = await store.figures(regions, TODAY, known)
    assert {region: found.tally.registered for region, found in anew.items()} == {"ID": 3, "11": 3, VILLAGE: 3}


async def test_flows_are_read_from_a_day_on(store: Store) -> None:
    """Across months, and not at all when not asked for."""
    days = [TODAY, TODAY - timedelta(days=30), TODAY - timedelta(days=60)]
    await store.apply([flush([change(n, effective_day=day) for n, day in enumerate(days)], Position())])
    figures = (await store.figures(["11"], days[1]))["11"]
    assert by_day(figures.flows) == {(days[0], "joined"): Flow(1, 1), (days[1], "joined"): Flow(1, 1)}
    assert (await store.figures(["11"], None))["11"].flows == {}


async def test_the_regions_of_a_partition_are_those_it_owns(store: Store) -> None:
    """Regency and below; nation and provinces belong to no partition alone."""
    await store.apply([flush(joined(1), Position())])
    assert sorted(await store.regions_of(partition())) == ["11.01", "11.01.02", VILLAGE]
    assert await store.regions_of(partition(OTHER_PROVINCE)) == []


async def test_who_is_behind_is_seen_by_others_until_level(store: Store) -> None:
    """The flag travels with the flush."""
    await store.apply([flush(joined(1), Position(), behind=True)])
    assert (await store.checkpoints())[partition()].behind
    await store.mark_level([partition()])
    assert not (await store.checkpoints())[partition()].behind


async def test_a_partition_is_resumed_at_another_offset(store: Store) -> None:
    """Its replica sees that it was; one that moved meanwhile is left alone."""
    await store.apply([flush(joined(2), Position())])
    await store.resume(partition(), Position(2, 2), Position(2, 9))
    checkpoint = (await store.checkpoints())[partition()]
    assert (checkpoint.position, checkpoint.resumed) == (Position(2, 9), 1)
    with pytest.raises(FencedError):
        await store.resume(partition(), Position(2, 2), Position(2, 5))


async def test_potentials_are_numbered_and_never_overwritten(reference: ReferenceStore) -> None:
    """A restatement is one more version beside the first."""
    restated = Figure(POTENTIALS, "11", "workers", date(2024, 1, 1), 1_601_559, "bps", "without civil servants")
    await reference.add([FIGURE], AT)
    await reference.add([restated], AT + timedelta(days=1))
    rows = [row for _, row in await reference.page("potentials", "11", "", 10)]
    assert [(row.version, row.figure) for row in rows] == [(1, FIGURE), (2, restated)]


async def test_the_same_potentials_again_add_nothing(reference: ReferenceStore) -> None:
    """However often, also with two sources for one day."""
    other = Figure(POTENTIALS, "11", "workers", date(2023, 9, 1), 1_700_000, "kemnaker", "all who work")
    assert len(await reference.add([FIGURE, other], AT)) == 2
    assert await reference.add([FIGURE, other], AT + timedelta(days=1)) == []
    assert len(await reference.page("potentials", None, "", 10)) == 2


@pytest.mark.parametrize("layout", KINDS.values(), ids=KINDS)
async def test_every_kind_is_kept_as_it_was_stated(reference: ReferenceStore, layout: Layout[Any]) -> None:
    """A value, and a withdrawal, are read back as they were recorded; other kinds do not see them."""
    figures = check(layout, read_csv(as_csv(layout).encode(), layout), Homes(catalogue(), ()).home_of).figures
    withdrawn = replace(figures[0], valid_from=date(2026, 1, 1), value=None)
    rows = await reference.add([*figures, withdrawn], AT)
    assert [row.figure for row in rows] == [*figures, withdrawn]
    kept = [row for _, row in await reference.page(layout.kind.name, None, "", 10)]
    assert sorted(kept, key=str) == sorted(rows, key=str)
    assert sorted((await reference.since(0))[1], key=str) == sorted(rows, key=str)
    others = [kind for kind in KINDS if kind != layout.kind.name]
    assert [await reference.page(kind, None, "", 10) for kind in others] == [[]] * 5


async def test_what_would_be_news_is_told_without_being_recorded(reference: ReferenceStore) -> None:
    """A dry run numbers rows as the import would, and changes nothing that others see."""
    await reference.add([FIGURE], AT)
    revision, _ = await reference.since(0)
    restated = replace(FIGURE, value=1_601_559)
    (row,) = await reference.news([FIGURE, restated], AT)
    assert (row.figure, row.version) == (restated, 2)
    assert await reference.since(revision) == (revision, [])
    assert await reference.news([], AT) == []
    assert await reference.add([], AT) == []


async def test_new_rows_are_noticed_by_revision(reference: ReferenceStore) -> None:
    """Each row is told once to one who asks from where they left off."""
    start, none = await reference.since(0)
    assert none == []
    await reference.add([FIGURE], AT)
    revision, rows = await reference.since(start)
    assert [row.figure for row in rows] == [FIGURE]
    assert await reference.since(revision) == (revision, [])


async def test_imports_at_once_are_recorded_one_after_the_other(reference: ReferenceStore) -> None:
    """Each numbers on from the other's rows; what both state is recorded once, and no row is missed by revision."""
    one, other = replace(FIGURE, value=1), replace(FIGURE, value=2, valid_from=date(2024, 1, 1))
    await asyncio.gather(reference.add([one], AT), reference.add([one, other], AT))
    rows = [row for _, row in await reference.page("potentials", "11", "", 10)]
    assert [row.version for row in rows] == [1, 2]
    assert sorted(row.value for row in rows) == [1, 2]
    assert sorted((await reference.since(0))[1], key=str) == sorted(rows, key=str)


async def test_one_region_is_listed_without_its_neighbours(reference: ReferenceStore) -> None:
    """Those below or above it, and those whose code begins alike, have lists of their own."""
    regions = ["11", "11.01", "11.01.01.2001", "ID", "12"]
    await reference.add([replace(FIGURE, region=region) for region in regions], AT)
    for region in regions:
        assert [row.figure.region for _, row in await reference.page("potentials", region, "", 10)] == [region]
    assert await reference.page("potentials", "13", "", 10) == []


async def test_potentials_are_paged_in_order(reference: ReferenceStore) -> None:
    """By region, basis and version, from any place on."""
    village = Figure(POTENTIALS, VILLAGE, "village_officials", date(2024, 1, 1), 9, "kemendagri", "officials")
    withdrawn = Figure(POTENTIALS, "11", "vulnerable", date(2024, 1, 1), None, "bps", "farmers")
    await reference.add([village, FIGURE, withdrawn], AT)
    (first, row), *rest = await reference.page("potentials", None, "", 2)
    assert row.figure == withdrawn
    assert [row.figure for _, row in rest] == [FIGURE]
    after = await reference.page("potentials", None, rest[-1][0], 2)
    assert [row.figure for _, row in after] == [village]
    assert first < rest[0][0] < after[0][0]


@pytest.mark.parametrize("crash", ["before the flush", "after the flush"])
async def test_a_crash_around_the_flush_counts_each_change_once(store: Store, crash: str) -> None:
    """Whoever takes over reads the checkpoint, is given the records from there on, and drops what was applied."""
    changes, metrics = [*map(counted, joined(3))], CountingMetrics(CollectorRegistry())
    applier = Applier(store, CatchingUp(partition), ManualClock(), metrics, _ignored, _ignored)
    dying = (await applier.take_up([partition()]))[partition()]
    dying.take(changes, 3, AT)
    if crash == "after the flush":
        await applier.commit([dying])
    heir = (await applier.take_up([partition()]))[partition()]
    heir.take(changes, 3, AT)
    await applier.commit([heir])
    with pytest.raises(FencedError):
        await applier.commit([dying])
    assert (await store.figures([VILLAGE], TODAY))[VILLAGE].tally.registered == 3
    assert (await store.checkpoints())[partition()].position == Position(3, 3)


def _ignored(_places: Collection[str]) -> None:
    return
