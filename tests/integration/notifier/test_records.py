"""Lists of the API stay quick when they leave out most of what there is."""

from __future__ import annotations

from datetime import timedelta

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
            {"_id": f"a-{number}", "region": "11", "raised_at": at, "quiet": is_quiet, "state": "firing"}
            for number, (at, is_quiet) in enumerate(quiet + told)
        ]
    )
    found = await records.alerts("ID", ["firing"], None, False, None, 10)
    assert [each["raised_at"] for each in found] == [at for at, _ in told[:10]]
    used = await mongo["alerts"].aggregate([{"$indexStats": {}}, {"$match": {"name": "quiet"}}]).to_list(None)
    assert used[0]["accesses"]["ops"] == 1
