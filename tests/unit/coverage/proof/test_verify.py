"""Proving the counters: a difference is named, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.movements import counted
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.region_counts import RegionCounts
from services.coverage.counting.ports import Flush
from services.coverage.proof.domain.recount import Difference
from services.coverage.proof.verify import DifferenceFound, Verifier, stop
from shared.contracts.changes import Change
from tests.factories_coverage import NEIGHBOUR, TODAY, VILLAGE, change, joined, partition, state
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore
from tests.fakes_proof import MemoryCounted, MemoryLog

P = partition()
LATE = TODAY - timedelta(days=200)
SOME = [
    *joined(4),
    change(4, after=state(NEIGHBOUR, active=False), effective_day=LATE),
    change(5, "moved", before=state(), after=state("11.01")),
    change(6, "moved", before=state(), after=None, counterpart="11.02.01.2001"),
]


async def counting(changes: Sequence[Change] = SOME) -> MemoryCounted:
    """Return a store that has counted the changes."""
    store = MemoryStore()
    after = Position(len(changes), len(changes))
    await store.apply([Flush(P, Position(), after, Sum(map(counted, changes)), False, first_day(TODAY))])
    return MemoryCounted(store)


def log(changes: Sequence[Change] = SOME, name: str = "the topic") -> MemoryLog:
    """Return a log that holds them."""
    return MemoryLog({P: [*map(counted, changes)]}, name)


async def verified(counts: MemoryCounted, *logs: MemoryLog, judge: list[Difference] | None = None) -> Verifier:
    """Return who verified the partition."""
    verifier = Verifier(counts, logs, ManualClock(), stop if judge is None else judge.append)
    async for _ in verifier.pieces(P):
        continue
    return verifier


async def found(counts: MemoryCounted, *logs: MemoryLog) -> Difference:
    """Return the first difference."""
    with pytest.raises(DifferenceFound) as raised:
        await verified(counts, *logs)
    return raised.value.difference


async def test_what_was_counted_agrees_with_pages_sums_topic_and_ledger() -> None:
    """Every region is compared with each; repeated records make no difference."""
    repeated = [*SOME, *SOME[2:]]
    verifier = await verified(await counting(), log(repeated), log(name="the ledger"))
    assert verifier.compared.changes == 2 * len(SOME)
    assert verifier.compared.regions > 0
    assert verifier.compared.unread == []


async def test_changes_beyond_the_checkpoint_are_left_for_later() -> None:
    """The log is ahead of what is counted, as it is on a service that runs."""
    await verified(await counting(SOME[:5]), log())


async def test_what_is_counted_meanwhile_is_read_before_comparing() -> None:
    """A flush between two pieces is part of the next piece's point in time."""
    counts = await counting(SOME[:3])
    pieces = Verifier(counts, [log()], ManualClock(), stop).pieces(P)
    await anext(pieces)
    rest = Sum(map(counted, SOME[3:]))
    await counts.store.apply([Flush(P, Position(3, 3), Position(7, 7), rest, False, first_day(TODAY))])
    async for _ in pieces:
        continue


@pytest.mark.parametrize("region", ["ID", "11", "11.01", "11.01.02", VILLAGE])
async def test_a_spoilt_counter_is_named(region: str) -> None:
    """At any level: region, measure, what it must be and is, partition and seq."""
    counts = await counting()
    spoilt = Tally({"BPU  self JKK+JKM active": 9})
    counts.spoilt[region] = RegionCounts(spoilt, 7)
    difference = await found(counts)
    assert (difference.region, difference.measure) == (region, "registered")
    assert (difference.found, difference.partition, difference.seq) == (9, P, 7)
    assert difference.expected != 9
    assert f"{region}, registered" in str(difference)


async def test_lapses_are_proved_by_the_topic_and_by_sums() -> None:
    """Pages do not hold them."""
    counts = await counting()
    figures = (await counts.store.figures([VILLAGE], first_day(TODAY)))[VILLAGE]
    (lapse,) = figures.tally.lapses
    figures.tally.lapses[lapse] += 1
    counts.spoilt[VILLAGE] = figures
    await verified(counts)
    difference = await found(counts, log())
    assert (difference.region, difference.measure) == (VILLAGE, f"lapses of {lapse}")


async def test_a_parent_that_is_not_the_sum_of_its_children_is_named() -> None:
    """By its lapses, which no page holds."""
    counts = await counting()
    figures = (await counts.store.figures(["11"], first_day(TODAY)))["11"]
    figures.tally.lapses.clear()
    counts.spoilt["11"] = figures
    difference = await found(counts)
    assert difference.region in ("ID", "11")
    assert difference.measure.endswith("as the sum of its children")


async def test_a_page_with_another_day_is_found_by_the_topic() -> None:
    """A movement of long ago changes no counter and no window, but the past."""
    counts = await counting()
    async with counts.point_in_time() as at:
        rows = [row async for rows in at.moved(P, "11.01") for row in rows]
    earlier = [
        (row._replace(effective_day=LATE - timedelta(days=1)) if row.effective_day == LATE else row, people)
        for row, people in rows
    ]
    counts.rows["11.01"] = earlier
    await verified(counts)
    difference = await found(counts, log())
    assert (difference.region, difference.measure) == ("11.01", f"movements effective on {LATE}")


async def test_a_region_without_counters_is_missed() -> None:
    """A region of the topic must be among the counters."""
    counts = await counting(SOME[:1])
    other = [change(0, after=state("35.01.01.2001"))]
    difference = await found(counts, MemoryLog({P: [*map(counted, other)]}))
    assert difference.found != difference.expected


async def test_a_topic_that_ends_before_what_was_counted_is_reported() -> None:
    """It was recreated, or the checkpoint is another topic's."""
    difference = await found(await counting(), log(SOME[:5]))
    assert (difference.measure, difference.expected, difference.found) == ("the topic, changes up to seq", 7, 5)


async def test_a_deleted_beginning_is_no_difference_and_is_reported() -> None:
    """The rest is proved all the same, and the log is named."""
    verifier = await verified(await counting(), log(SOME[2:]))
    assert verifier.compared.unread == [
        f"partition {P} of the topic begins with seq 2: its beginning was deleted, and nothing proved by it"
    ]
    assert verifier.compared.regions > 0
    gone = await verified(await counting(), log([]))
    assert "holds nothing" in gone.compared.unread[0]


async def test_a_judge_may_go_on() -> None:
    """It need not stop at the first."""
    counts, differences = await counting(), list[Difference]()
    for region in (VILLAGE, NEIGHBOUR):
        counts.spoilt[region] = RegionCounts(Tally(), 0)
    await verified(counts, judge=differences)
    assert {one.region for one in differences} == {VILLAGE, NEIGHBOUR}
