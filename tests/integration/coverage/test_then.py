"""Regions of any day over HTTP, on real Kafka and MongoDB."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.factories_coverage import VILLAGE, change, joined, state
from tests.integration.coverage.stack import Replica, Stack
from tests.integration.coverage.test_http import put
from tests.waiting import eventually

POTENTIAL = "region,basis,valid_from,value,source,definition\n11,workers,2023-01-01,50,bps,all\n"
JOINED_ON = date(2023, 6, 15)
LEARNT_AT = datetime(2023, 6, 24, 3, 0, tzinfo=UTC)


async def test_a_region_and_its_children_are_shown_of_a_day(stack: Stack, replica: Replica) -> None:
    """By effect, by what was known, and before anything was: figures of 0 beside the potential as it was."""
    late = change(3, effective_day=JOINED_ON, recorded_at=LEARNT_AT + timedelta(days=60))
    early = [change(n, effective_day=JOINED_ON, recorded_at=LEARNT_AT) for n in range(3)]
    await stack.publish([*early, late, change(4, after=state(VILLAGE), effective_day=date(2023, 7, 1))])
    await put(replica, POTENTIAL)
    await eventually(lambda: replica.counts("ID", 5))
    for query, expected in (
        ("as_of=2023-06-14", 0),
        ("as_of=2023-06-15", 4),
        ("as_of=2023-06-15&known_at=2023-06-30", 3),
        ("as_of=2023-06-15&known_at=2023-06-01", 0),
        ("as_of=2023-07-01", 5),
    ):
        aceh = (await replica.http.get(f"/v1/regions/11?{query}", headers=replica.headers)).json()
        page = (await replica.http.get(f"/v1/regions/11/children?{query}", headers=replica.headers)).json()
        assert (aceh["registered"], sum(item["registered"] for item in page["items"])) == (expected, expected)
    before = (await replica.http.get("/v1/regions/11?as_of=2023-06-14", headers=replica.headers)).json()
    assert before["coverage"]["active"] == {"numerator": 0, "denominator": 50, "ratio": 0.0}


async def test_the_public_sees_a_day_with_small_numbers_hidden(stack: Stack, replica: Replica) -> None:
    """As it sees now."""
    await stack.publish([*joined(3), *(change(3 + n, effective_day=JOINED_ON) for n in range(20))])
    await eventually(lambda: replica.counts("ID", 23))
    then = (await replica.http.get("/v1/regions/11?as_of=2023-06-15")).json()
    before = (await replica.http.get("/v1/regions/11?as_of=2023-06-14")).json()
    assert (then["registered"], before["registered"]) == (20, 0)
