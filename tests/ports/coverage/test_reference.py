"""The store of reference data, on the fake and on MongoDB."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.coverage.http.reference import example_csv
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.load import Format, check
from services.coverage.reference.mongo import MongoReference
from services.coverage.reference.ports import ReferenceStore
from services.coverage.reference.schemas import KINDS
from shared.adapters.mongo import Mongo
from tests.fakes_coverage import MemoryReference

ACEH = Statement(POTENTIALS, "11", "workers", date(2023, 9, 1), 1_710_891, "bps", "all who work")
AT = datetime(2026, 11, 21, 3, 0, 0, 123_456, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def reference(mongo: Mongo | None) -> ReferenceStore:
    """The store of reference data, twice."""
    if mongo is None:
        return MemoryReference()
    reference = MongoReference(mongo)
    await reference.prepare()
    return reference


async def test_rows_are_numbered_and_never_overwritten(reference: ReferenceStore) -> None:
    """A restatement is one more version. The same file again adds nothing, also with two sources for one day."""
    restated = replace(ACEH, valid_from=date(2024, 1, 1), value=1_601_559, definition="without civil servants")
    other = replace(ACEH, value=1_700_000, source="kemnaker")
    await reference.add([ACEH], AT)
    assert len(await reference.add([ACEH, restated, other], AT + DAY)) == 2
    assert await reference.add([restated, other], AT + 2 * DAY) == []
    rows = [row for _, row in await reference.page("potentials", "11", "", 10)]
    assert [(row.version, row.statement) for row in rows] == [(1, ACEH), (2, restated), (3, other)]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_kept_as_it_was_stated(reference: ReferenceStore, kind: str) -> None:
    """A value and a withdrawal are read back as they were recorded. Lists of other kinds do not show them."""
    stated = check(KINDS[kind], example_csv(KINDS[kind]).encode(), Format.CSV, lambda region: region).statements
    withdrawn = replace(stated[0], valid_from=date(2026, 1, 1), value=None)
    rows = await reference.add([*stated, withdrawn], AT)
    assert [row.statement for row in rows] == [*stated, withdrawn]
    kept = [row for _, row in await reference.page(kind, None, "", 10)]
    assert sorted(kept, key=str) == sorted(rows, key=str)
    assert sorted((await reference.since(0))[1], key=str) == sorted(rows, key=str)
    assert [await reference.page(other, None, "", 10) for other in KINDS if other != kind] == [[]] * 5


async def test_a_dry_run_records_nothing(reference: ReferenceStore) -> None:
    """It returns the rows that would be recorded, with their versions."""
    await reference.add([ACEH], AT)
    revision, _ = await reference.since(0)
    restated = replace(ACEH, value=1_601_559)
    (row,) = await reference.add([ACEH, restated], AT, dry_run=True)
    assert (row.statement, row.version) == (restated, 2)
    assert await reference.since(revision) == (revision, [])
    assert [await reference.add([], AT, dry_run=True), await reference.add([], AT)] == [[], []]


async def test_new_rows_are_noticed_by_revision(reference: ReferenceStore) -> None:
    """Whoever asks from the last revision on gets each row once."""
    start, none = await reference.since(0)
    assert none == []
    await reference.add([ACEH], AT)
    revision, rows = await reference.since(start)
    assert [row.statement for row in rows] == [ACEH]
    assert await reference.since(revision) == (revision, [])


async def test_imports_at_once_are_recorded_one_after_the_other(reference: ReferenceStore) -> None:
    """Versions go on from the other import's. A statement of both is recorded once, and no row is missed."""
    one, other = replace(ACEH, value=1), replace(ACEH, value=2, valid_from=date(2024, 1, 1))
    await asyncio.gather(reference.add([one], AT), reference.add([one, other], AT))
    rows = [row for _, row in await reference.page("potentials", "11", "", 10)]
    assert [row.version for row in rows] == [1, 2]
    assert sorted(row.value for row in rows) == [1, 2]
    assert sorted((await reference.since(0))[1], key=str) == sorted(rows, key=str)


async def test_rows_are_paged_in_order_and_by_region(reference: ReferenceStore) -> None:
    """By region, series and version, from any place on. A region's list has no row of regions above or below it."""
    regions = ["11", "11.01", "11.01.01.2001", "12", "ID"]
    withdrawn = replace(ACEH, series="vulnerable", value=None)
    await reference.add([withdrawn, *(replace(ACEH, region=region) for region in reversed(regions))], AT)
    (first, _), (second, _) = await reference.page("potentials", "11", "", 10)
    assert [row.statement for _, row in await reference.page("potentials", None, "", 2)] == [withdrawn, ACEH]
    after = await reference.page("potentials", None, second, 10)
    assert [row.statement.region for _, row in after] == regions[1:]
    assert first < second < after[0][0]
    for region in regions[1:]:
        assert [row.statement.region for _, row in await reference.page("potentials", region, "", 10)] == [region]
    assert await reference.page("potentials", "13", "", 10) == []
