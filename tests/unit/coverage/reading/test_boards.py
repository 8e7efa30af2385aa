"""What villages come to together: quota boards, Desa Sadar, and how rarely it is worked out anew."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.coverage.counting.domain.region_counts import Period
from services.coverage.reading import boards as module
from services.coverage.reading.boards import Boards
from services.coverage.reading.derived import Board
from services.coverage.reference.domain.desa_sadar import DESIGNATED, DESIGNATIONS, YEARS_QUOTA
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex
from shared.contracts.snapshots import Count, Designation, QuotaBoard
from tests.factories_coverage import change, snapshot, state
from tests.factories_reference import TODAY, index_of, row, tree
from tests.fakes_coverage import MemoryStore
from tests.ports.coverage.test_timelines import keep

DESA, OTHER, THIRD, KELURAHAN = (f"63.10.01.{tail}" for tail in ("2001", "2002", "2003", "1001"))
FARTHER = "63.10.02.2001"
CHILDREN = tree(DESA, OTHER, THIRD, KELURAHAN, FARTHER)
HUNDRED = row(QUOTAS, "63.10.01", "vulnerable", Quota("active", 100, ("desa",)))
BOARDS = {DESA: 131, OTHER: 88, KELURAHAN: 5, FARTHER: 9}


class CountingStore(MemoryStore):
    """Notes the districts whose villages were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def people(self, districts: Collection[str], period: Period | None) -> dict[str, dict[str, int]]:
        self.read += districts
        return await super().people(districts, period)


async def store_of(people: Mapping[str, int], group: str = "vulnerable") -> CountingStore:
    """Return a store with so many active people of a group in each village."""
    store = CountingStore()
    for village, count in people.items():
        await keep(store, [change(n, after=state(village, groups=(group,))) for n in range(count)])
    return store


def boards(store: MemoryStore, reference: ReferenceIndex) -> Boards:
    """Return boards with these rows of reference data."""
    return Boards(reference, CHILDREN, store)


async def board(of: Boards, region: str, at: AsOf = TODAY) -> Board:
    """Return the present board of a region above the village."""
    return (await of.of({region: snapshot(region)}, {region: at}, now=True))[region]


async def test_the_board_of_a_regency_shows_zero_first_then_who_is_most_short() -> None:
    """Villages without anyone count; kinds and districts without the quota do not."""
    of = boards(await store_of(BOARDS), index_of(HUNDRED))
    page = await of.quota("63.10", "vulnerable", TODAY, now=True)
    assert page.total == QuotaBoard("vulnerable", "active", 100, 3, 1, 1, 112, 88)
    assert [(v.region, v.people, v.people_short) for v in page.villages] == [
        (THIRD, 0, 100),
        (OTHER, 88, 12),
        (DESA, 131, 0),
    ]
    assert (await of.quota("63.10", "non_asn", TODAY, now=True)).villages == []
    assert [v.region for v in (await of.quota(OTHER, "vulnerable", TODAY, now=True)).villages] == [OTHER]


async def test_a_board_above_is_the_sum_of_the_districts() -> None:
    """If requirements differ, none is named. The nearest quota alone holds."""
    ten = row(QUOTAS, "63.10", "vulnerable", Quota("active", 10, ("desa",)))
    of = boards(await store_of({DESA: 131, OTHER: 88, FARTHER: 9}), index_of(HUNDRED, ten))
    province = await board(of, "63")
    assert province.quota == (QuotaBoard("vulnerable", "active", None, 4, 1, 1, 113, 97),)
    assert (await board(of, "63.10.02")).quota == (QuotaBoard("vulnerable", "active", 10, 1, 0, 0, 1, 9),)
    assert province.designation is None


async def test_desa_sadar_of_a_regency_counts_villages_by_state() -> None:
    """Each village has one of four states; the nation also has the year's pace, even without any village."""
    rows: list[RecordedRow[Any]] = [row(POTENTIALS, village, "village_officials", 9) for village in (DESA, OTHER)]
    rows += [row(DESIGNATIONS, village, DESIGNATED, 1) for village in (OTHER, THIRD)]
    pace = row(DESIGNATIONS, "ID", YEARS_QUOTA, 365, date(2023, 1, 1))
    of = boards(await store_of({DESA: 9, OTHER: 8}, "village_official"), index_of(*rows, pace))
    villages = Designation(villages={"none": 2, "eligible": 1, "designated": 1, "designated_broken": 1})
    assert (await board(of, "63.10")).designation == villages
    nation = (await board(of, "ID")).designation
    assert nation is not None
    assert nation.pace is not None
    assert nation == replace(villages, pace=nation.pace)
    assert (nation.pace.designated, nation.pace.expected) == (2, 273)
    alone = (await board(boards(MemoryStore(), index_of(pace)), "ID")).designation
    assert alone == Designation(pace=replace(nation.pace, designated=0, designated_in_all=0, villages_short=273))
    assert (await board(boards(MemoryStore(), index_of()), "ID")).designation is None


async def test_a_village_has_its_quota_and_its_state() -> None:
    """From its own counts. Without a roster a designation stands."""
    roster = row(POTENTIALS, DESA, "village_officials", 9)
    decrees = [row(DESIGNATIONS, village, DESIGNATED, 1, date(2018, 11, 12)) for village in (DESA, OTHER)]
    of = boards(MemoryStore(), index_of(HUNDRED, roster, *decrees))
    groups = {"vulnerable": Count(90, 88), "village_official": Count(9, 8)}
    villages = {one: snapshot(one, by_group=groups) for one in (DESA, OTHER, KELURAHAN)}
    found = await of.of(villages, dict.fromkeys(villages, TODAY), now=True)
    assert found[DESA] == Board(
        (QuotaBoard("vulnerable", "active", 100, 1, 0, 0, 12, 88),),
        Designation("designated_broken", date(2018, 11, 12), roster=9, active_officials=8),
    )
    assert found[OTHER].designation == Designation("designated", date(2018, 11, 12), active_officials=8)
    assert found[KELURAHAN] == Board((), Designation("none", active_officials=8))


@pytest.mark.parametrize("piece", [50, 0])
async def test_a_district_is_read_again_only_after_new_counts_or_new_rows(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """Otherwise its board is kept, from one day to the next; a day of the past has boards of its own."""
    monkeypatch.setattr(module, "_PIECE", piece)
    less = row(QUOTAS, "63.10.01", "vulnerable", Quota("active", 90, ("desa",)), valid_from=TODAY.day + timedelta(2))
    store, reference = await store_of({DESA: 1}), index_of(HUNDRED, less)
    of = boards(store, reference)

    async def read(at: AsOf = TODAY, *, now: bool = True) -> list[str]:
        store.read.clear()
        await of.of({"63.10": snapshot("63.10")}, {"63.10": at}, now=now)
        return store.read

    district, tomorrow = ["63.10.01"], AsOf(TODAY.day + timedelta(1))
    assert [[*await read()], [*await read()]] == [district, []]
    await keep(store, [change(n, after=state(DESA, groups=("vulnerable",))) for n in range(120)])
    assert (await board(of, "63")).quota[0].passing == 1
    assert await read() == []
    assert [[*await read(tomorrow)], [*await read(AsOf(less.statement.valid_from))]] == [[], district]
    assert [[*await read(TODAY, now=False)], [*await read(TODAY, now=False)]] == [district, []]
    assert [[*await read(tomorrow, now=False)], [*await read(TODAY, now=False)]] == [district, []]
    reference.add([row(QUOTAS, "63.10.02", "vulnerable", Quota("active", 5, ("desa",)))])
    assert await read() == [*district, "63.10.02"]


async def test_readers_of_a_large_board_at_once_read_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who come meanwhile wait for the first, and read what it kept."""
    monkeypatch.setattr(module, "_PIECE", 0)
    store = await store_of(BOARDS)
    of = boards(store, index_of(HUNDRED))
    first, second = await asyncio.gather(board(of, "63"), board(of, "63.10"))
    assert first.quota == second.quota
    assert store.read == ["63.10.01"]


async def test_where_no_quota_holds_nothing_is_read() -> None:
    """Publishing stays cheap."""
    store = await store_of({DESA: 1})
    assert (await board(boards(store, index_of()), "ID")).quota == ()
    assert store.read == []
