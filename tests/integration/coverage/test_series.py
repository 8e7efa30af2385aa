"""A region's history, flows, due and quota over HTTP, on real Kafka and MongoDB."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.factories_coverage import NEIGHBOUR, VILLAGE, change, state
from tests.integration.coverage.stack import Replica, Stack
from tests.integration.coverage.test_http import problem, put
from tests.waiting import eventually

DAY = timedelta(days=1)
JUNE = date(2023, 6, 15)
QUOTA = {"region": "11.01.02", "group": "vulnerable", "measure": "active", "count": 2, "kinds": ["desa"]}


async def got(replica: Replica, path: str) -> dict[str, Any]:
    """Return what an official is answered."""
    response = await replica.http.get(f"/v1/regions/{path}", headers=replica.headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_history_and_flows_tell_the_same_story(stack: Stack, replica: Replica) -> None:
    """Twelve joined in June and three moved to another village in July."""
    move = {"before": state(VILLAGE), "after": state(NEIGHBOUR), "effective_day": date(2023, 7, 3)}
    some = [change(n, effective_day=JUNE) for n in range(12)] + [change(12 + n, "moved", **move) for n in range(3)]
    await stack.publish(some)
    await put(replica, "region,basis,valid_from,value,source,definition\n11,workers,2023-06-20,48,bps,all\n")
    await eventually(lambda: replica.counts(NEIGHBOUR, 3))
    months = (await got(replica, "11/history?from=2023-05-01&to=2023-07-10&step=month"))["points"]
    assert [(p["day"], p["registered"], p["potential"]) for p in months] == [
        ("2023-05-31", 0, None), ("2023-06-30", 12, 48), ("2023-07-10", 12, 48),
    ]  # fmt: skip
    assert months[1]["coverage"]["active"]["ratio"] == 0.25
    days = (await got(replica, f"{VILLAGE}/history?from=2023-07-02&as_of=2023-07-03"))["points"]
    assert [p["registered"] for p in days] == [12, 9]
    assert len((await got(replica, "11/history"))["points"]) == 366
    flows = await got(replica, f"{VILLAGE}/flows?from=2023-06-01&to=2023-07-10")
    assert flows["change"] == {"registered": 9, "active": 9}
    assert (flows["flows"]["joined"]["registered"], flows["flows"]["moved_out"]["registered"]) == (12, 3)
    assert (await got(replica, "11/flows"))["change"] == {"registered": 0, "active": 0}


async def test_who_is_due_and_who_is_short(stack: Stack, replica: Replica) -> None:
    """Villages by their quota, those at zero first, page by page; who lapses, by payer."""
    soon = stack.clock.now().date() + 20 * DAY
    people = [state(groups=("vulnerable",), lapses_on=soon, payer="apbd_regency")] * 3 + [state(NEIGHBOUR)]
    await stack.publish([change(n, after=one) for n, one in enumerate(people)])
    row = QUOTA | {"valid_from": "2023-01-01", "source": "kab", "definition": "Satu Desa"}
    await replica.http.put("/v1/quotas", json=[row], headers=replica.headers)
    await eventually(lambda: replica.counts("ID", 4))
    due = await got(replica, "11.01/due?days=30")
    assert (due["people"], due["parts"]) == (3, [{"key": "apbd_regency", "people": 3}])
    first = await got(replica, "11.01/quota?group=vulnerable&limit=20")
    assert first["total"]["passing"] == 1
    assert (first["total"]["villages"], first["total"]["gap"]) == (
        first["total"]["at_zero"] + 1,
        2 * first["total"]["at_zero"],
    )
    seen, page = first["items"], first
    while page["next"]:
        page = await got(replica, f"11.01/quota?group=vulnerable&limit=20&cursor={page['next']}")
        seen += page["items"]
    assert len(seen) == first["total"]["villages"]
    assert seen[-1] == {"region": VILLAGE, "measure": "active", "required": 2, "people": 3}
    aceh = await got(replica, "11")
    assert aceh["quota"] == [first["total"]]
    then = await got(replica, "11.01/quota?group=vulnerable&as_of=2023-06-01")
    assert (then["total"]["passing"], then["total"]["at_zero"]) == (0, len(seen))
    other = await replica.http.get(
        f"/v1/regions/11.01/quota?group=non_asn&cursor={first['next']}", headers=replica.headers
    )
    assert problem(other) == (422, "other_cursor")
