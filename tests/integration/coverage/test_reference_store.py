"""The store of reference data on MongoDB only: files of any size, and what a crash leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.mongo import MongoReference
from shared.adapters.mongo import Mongo

FIGURE = Statement(POTENTIALS, "11", "workers", date(2023, 9, 1), 1_710_891, "bps", "all workers")
AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.fixture
async def reference(mongo: Mongo) -> MongoReference:
    """The store on a fresh database."""
    reference = MongoReference(mongo)
    await reference.prepare()
    return reference


async def test_a_file_too_large_for_one_transaction_is_recorded_whole(reference: MongoReference) -> None:
    """The local stack's MongoDB refuses some 31,000 rows in one transaction; a file of all villages has 83,762."""
    figures = [replace(FIGURE, region=f"11.{n}") for n in range(40_000)]
    assert len(await reference.add(figures, AT)) == 40_000
    revision, rows = await reference.since(0)
    assert (revision, len(rows)) == (1, 40_000)


async def test_what_a_crash_left_never_counts_and_is_deleted_another_day(
    mongo: Mongo, reference: MongoReference
) -> None:
    """Rows whose import was not recorded are listed, numbered on and noticed by nobody; the file is sent again."""
    await reference.add([FIGURE], AT)
    await mongo["reference_imports"].delete_many({})
    assert await reference.since(0) == (0, [])
    assert await reference.page("potentials", None, "", 10) == []
    (again,) = await reference.add([FIGURE], AT)
    assert again.version == 1
    assert [row for _, row in await reference.page("potentials", "11", "", 10)] == [again]
    assert await mongo["reference"].count_documents({}) == 2
    await reference.add([replace(FIGURE, region="12")], AT + timedelta(days=2))
    assert await mongo["reference"].count_documents({}) == 2
    assert [row.statement.region for _, row in await reference.page("potentials", None, "", 10)] == ["11", "12"]


async def test_an_import_that_lost_the_race_leaves_nothing(mongo: Mongo, reference: MongoReference) -> None:
    """Two replicas that record the same file at once: one row each series, and none that waits for an import."""
    other = MongoReference(mongo)
    figures = [replace(FIGURE, region=region) for region in ("11", "12", "13")]
    recorded = await asyncio.gather(reference.add(figures, AT), other.add(figures, AT))
    assert sorted(len(rows) for rows in recorded) == [0, 3]
    assert await mongo["reference"].count_documents({}) == 3
