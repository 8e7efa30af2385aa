"""Lists of the API stay quick when they leave out most of what there is."""

from __future__ import annotations

from datetime import timedelta

from services.notifier.delivery.mongo import PageStart
from services.notifier.http.records import Records
from services.notifier.live.mongo import WorldStore
from shared.adapters.mongo import Mongo
from tests.alerts_scenarios import START


async def test_alerts_that_are_told_are_found_among_many_that_are_not(mongo: Mongo) -> None:
    """By an index of their own: it is the one that the list has used."""
    await WorldStore(mongo).prepare()
    records = Records(mongo)
    await records.prepare()
    quiet = [(START + timedelta(seconds=number), True) for number in range(2_000)]
    told = [(START - timedelta(seconds=number), False) for number in range(20)]
    await mongo["alerts"].insert_many(
        [
            {"_id": f"a-{number}", "lineage": ["11", "ID"], "raised_at": at, "quiet": is_quiet, "state": "firing"}
            for number, (at, is_quiet) in enumerate(quiet + told)
        ]
    )
    for region in ("ID", "11"):
        found = await records.alerts(region, ["firing"], None, False, None, 10)
        assert [each["raised_at"] for each in found] == [at for at, _ in told[:10]]
    used = await mongo["alerts"].aggregate([{"$indexStats": {}}, {"$match": {"name": "quiet"}}]).to_list(None)
    assert used[0]["accesses"]["ops"] == 2


async def test_a_later_page_of_a_regions_alerts_reads_only_what_it_returns(mongo: Mongo) -> None:
    """Neither alerts of other regions nor those of earlier pages, also among few."""
    await Records(mongo).prepare()
    of = [["11.01", "11", "ID"], ["12", "ID"]]
    await mongo["alerts"].insert_many(
        [{"_id": f"a-{n:03d}", "lineage": of[n % 2], "raised_at": START, "quiet": False} for n in range(200)]
    )
    query = PageStart(START, "a-100").query("raised_at", {"lineage": "11", "quiet": False})
    found = mongo["alerts"].find(query, sort=[("raised_at", -1), ("_id", -1)], limit=10)
    stats = (await found.explain())["executionStats"]
    assert (stats["nReturned"], stats["totalDocsExamined"]) == (10, 10)
