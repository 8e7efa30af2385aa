"""What villages come to together: quota boards, Desa Sadar, and how rarely it is worked out anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from services.coverage.reading.boards import Boards
from services.coverage.reading.districts import Districts
from services.coverage.reference.domain.desa_sadar import DESIGNATED, DESIGNATIONS, YEARS_QUOTA
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex
from shared.contracts.snapshots import Count, Designation, QuotaBoard
from tests.factories_reference import TODAY, index_of, row, tree
from tests.fakes_coverage import MemoryGroupCounts

DESA, OTHER, THIRD, KELURAHAN = (f"63.10.01.{tail}" for tail in ("2001", "2002", "2003", "1001"))
FARTHER = "63.10.02.2001"
CHILDREN = tree(DESA, OTHER, THIRD, KELURAHAN, FARTHER)
HUNDRED = row(QUOTAS, "63.10.01", "vulnerable", Quota("active", 100, ("desa",)))


def vulnerable(**people: int) -> MemoryGroupCounts:
    """Return counts of vulnerable workers."""
    return MemoryGroupCounts({VILLAGES[name]: {"vulnerable": Count(n + 2, n)} for name, n in people.items()})


VILLAGES = {"desa": DESA, "other": OTHER, "kelurahan": KELURAHAN, "farther": FARTHER}


def boards(counts: MemoryGroupCounts, *rows: RecordedRow[Any], book: ReferenceIndex | None = None) -> Boards:
    """Return boards where these rows are recorded."""
    book = book or index_of(*rows)
    return Boards(book, CHILDREN, Districts(book, CHILDREN, counts))


async def test_the_board_of_a_regency_shows_zero_first_then_who_is_most_short() -> None:
    """Villages without anyone count; kinds and districts without the quota do not."""
    of = boards(vulnerable(desa=131, other=88, kelurahan=5, farther=9), HUNDRED)
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
    """With several requirements none is named; the nearest quota alone holds."""
    ten = row(QUOTAS, "63.10", "vulnerable", Quota("active", 10, ("desa",)))
    found = await boards(vulnerable(desa=131, other=88, farther=9), HUNDRED, ten).of(
        {"63": TODAY, "63.10.02": TODAY}, now=True
    )
    assert found["63"].quota == (QuotaBoard("vulnerable", "active", None, 4, 1, 1, 113, 97),)
    assert found["63.10.02"].quota == (QuotaBoard("vulnerable", "active", 10, 1, 0, 0, 1, 9),)
    assert found["63"].designation is None


async def test_desa_sadar_of_a_regency_counts_villages_by_state() -> None:
    """Each village is in one of four; of the nation the year's pace comes with them, by itself too."""
    rows: list[RecordedRow[Any]] = [row(POTENTIALS, village, "village_officials", 9) for village in (DESA, OTHER)]
    rows += [row(DESIGNATIONS, village, DESIGNATED, 1) for village in (OTHER, THIRD)]
    rows.append(row(DESIGNATIONS, "ID", YEARS_QUOTA, 365, date(2023, 1, 1)))
    counts = MemoryGroupCounts({DESA: {"village_official": Count(9, 9)}, OTHER: {"village_official": Count(9, 8)}})
    found = await boards(counts, *rows).of({"63.10": TODAY, "ID": TODAY}, now=True)
    assert found["63.10"].designation == Designation(
        villages={"none": 2, "eligible": 1, "designated": 1, "designated_broken": 1}
    )
    nation = found["ID"].designation
    assert nation is not None
    assert nation.pace is not None
    assert (nation.villages, nation.pace.designated, nation.pace.expected) == (
        found["63.10"].designation.villages, 2, 273,
    )  # fmt: skip
    alone = (await boards(counts, rows[-1]).of({"ID": TODAY}, now=True))["ID"].designation
    assert alone is not None
    assert (alone.villages, alone.pace) == (
        None,
        replace(nation.pace, designated=0, designated_in_all=0, villages_short=273),
    )
    assert (await boards(counts).of({"ID": TODAY}, now=True))["ID"].designation is None


async def test_a_district_is_read_again_only_when_something_was_counted_there() -> None:
    """Or when the day or the book is another."""
    counts, book = vulnerable(desa=1), index_of(HUNDRED)
    of = boards(counts, book=book)

    async def read(at: AsOf = TODAY) -> list[str]:
        counts.asked.clear()
        await of.of({"ID": at, "63.10": at}, now=True)
        return list(counts.asked)

    district = [*CHILDREN("63.10.01")]
    assert [await read(), await read()] == [district, []]
    counts.position["63.10.01"] = 7
    counts.counts[DESA] = {"vulnerable": Count(120, 120)}
    assert (await of.of({"63": TODAY}, now=True))["63"].quota[0].passing == 1
    assert await read() == []
    assert await read(AsOf(date(2023, 10, 1))) == district
    book.add(row(QUOTAS, "63.10.02", "vulnerable", Quota("active", 5, ("desa",))))
    assert await read() == [*district, *CHILDREN("63.10.02")]


async def test_where_no_quota_holds_nothing_is_read() -> None:
    """Publishing stays as cheap as it is."""
    counts = vulnerable(desa=1)
    assert (await boards(counts).of({"ID": TODAY}, now=True))["ID"].quota == ()
    assert counts.asked == []
