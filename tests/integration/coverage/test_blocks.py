"""Documents of counters: lists of packed sums, which are added up to one now and then."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.position import Position
from services.coverage.counting.mongo import blocks as mongo_documents
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.ports import Flush
from shared.adapters.mongo import Mongo
from shared.contracts.snapshots import Count
from shared.runtime.errors import PermanentError
from tests.factories_coverage import TODAY, VILLAGE, by_day, change, counted, partition, state

FLUSHES = 200


@pytest.fixture
async def store(mongo: Mongo) -> MongoStore:
    """A store that holds nothing."""
    store = MongoStore(mongo)
    await store.prepare()
    return store


async def flush(store: MongoStore, seq: int, flows_from: date, day: date = TODAY) -> None:
    """Count one who joined; each fourth time one who ended."""
    over: dict[str, Any] = {"kind": "ended", "before": state(), "after": None} if seq % 4 == 3 else {}
    one = change(seq, effective_day=day, **over)
    before, after = Position(seq, seq), Position(seq + 1, seq + 1)
    await store.apply([Flush(partition(), before, after, Sum([counted(one)]), behind=False, flows_from=flows_from)])


async def test_a_list_stays_short_and_adds_up_to_the_same(store: MongoStore, mongo: Mongo) -> None:
    """However many flushes there were; of nation and provinces, which are read together, it is shorter yet."""
    for seq in range(FLUSHES):
        await flush(store, seq, first_day(TODAY))
        figures = await store.figures([VILLAGE, "11.01.02", "ID"], TODAY)
        registered = (seq + 1) - 2 * ((seq + 1) // 4)
        assert {found.tally.registered for found in figures.values()} == {registered}
    listed = {doc["_id"]: len(doc["people"]) async for doc in mongo["counters"].find()}
    assert max(listed.values()) < FLUSHES
    assert listed[f"ID {partition()}"] < 32
    left = FLUSHES // 4
    assert by_day(figures["ID"].flows) == {
        (TODAY, "joined"): Count(FLUSHES - left, FLUSHES - left), (TODAY, "ended"): Count(left, -left)
    }  # fmt: skip


async def test_what_is_summed_lets_go_of_old_days(store: MongoStore, mongo: Mongo) -> None:
    """Flows that no window holds any more; who is counted stays."""
    with patch.object(mongo_documents, "_LISTED", 1):
        await flush(store, 0, first_day(TODAY))
        long_after = date(2027, 11, 21)
        await flush(store, 1, first_day(long_after), long_after)
    figures = (await store.figures([VILLAGE], date.min))[VILLAGE]
    assert figures.tally.registered == 2
    assert by_day(figures.flows) == {(long_after, "joined"): Count(1, 1)}
    document = await mongo["counters"].find_one({"block": "11.01.02"})
    assert document is not None
    assert (len(document["people"]), len(document["flows"]), document["parts"]) == (1, 1, ["2003"])


async def test_counters_of_an_earlier_version_are_refused(store: MongoStore, mongo: Mongo) -> None:
    """They would be taken for nothing, and then be added to."""
    await mongo["counters"].insert_one({"_id": "11.01 4", "block": "11.01", "parts": {"-": {"people": {"x": 1}}}})
    with pytest.raises(PermanentError, match=re.escape("an earlier version wrote the collection counters: drop")):
        await MongoStore(mongo).prepare()
