"""Who is due and who misses a quota over HTTP, on real Kafka and MongoDB."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.factories_coverage import NEIGHBOUR, VILLAGE, change, state
from tests.integration.coverage.stack import Replica, Stack
from tests.integration.coverage.test_http import problem
from tests.waiting import eventually

DAY = timedelta(days=1)
QUOTA = {"region": "11.01.02", "group": "vulnerable", "measure": "active", "count": 2, "kinds": ["desa"]}


async def got(replica: Replica, path: str) -> dict[str, Any]:
    """Return what an official is answered."""
    response = await replica.http.get(f"/v1/regions/{path}", headers=replica.headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


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
