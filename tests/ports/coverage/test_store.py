"""One suite for coverage's stores, on the fakes and on MongoDB, with expectations written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.position import Position
from services.coverage.counting.ports import Flush, Store
from shared.contracts.changes import Change
from shared.contracts.snapshots import Count
from shared.runtime.errors import FencedError
from tests.factories_coverage import (
    NEIGHBOUR,
    OTHER_PROVINCE,
    RECORDED_AT,
    TODAY,
    VILLAGE,
    by_day,
    change,
    counted,
    joined,
    partition,
    state,
)

AT = datetime(2026, 11, 21, 3, 0, 0, 123_456, tzinfo=UTC)


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
    assert by_day(figures.flows) == {(TODAY, "joined"): Count(3, 2)}
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
    assert by_day(figures.flows) == {(TODAY, "joined"): Count(3, 3)}


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
    assert by_day(figures["ID"].flows) == {(TODAY, "joined"): Count(5, 5)}


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
    assert by_day(figures.flows) == {(days[0], "joined"): Count(1, 1), (days[1], "joined"): Count(1, 1)}
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
    await store.mark_caught_up([partition()])
    assert not (await store.checkpoints())[partition()].behind


async def test_a_partition_is_resumed_at_another_offset(store: Store) -> None:
    """Its replica sees that it was; one that moved meanwhile is left alone."""
    await store.apply([flush(joined(2), Position())])
    await store.resume(partition(), Position(2, 2), Position(2, 9))
    checkpoint = (await store.checkpoints())[partition()]
    assert (checkpoint.position, checkpoint.resumed) == (Position(2, 9), 1)
    with pytest.raises(FencedError):
        await store.resume(partition(), Position(2, 2), Position(2, 5))
