"""Children of a region in any order, over HTTP, on real Kafka and MongoDB."""

from __future__ import annotations

from typing import Any

from tests.factories_coverage import OTHER_REGENCY, VILLAGE, joined
from tests.integration.coverage.stack import Replica, Stack
from tests.integration.coverage.test_http import problem
from tests.waiting import eventually

THIRD = "11.03"


async def test_children_come_in_the_order_asked(stack: Stack, replica: Replica) -> None:
    """The greatest first, page by page; a cursor of another order is refused; filters leave the rest out."""
    for place, count in ((VILLAGE, 12), (OTHER_REGENCY, 20), (THIRD, 15)):
        await stack.publish(joined(count, place, active=place != THIRD))
    await eventually(lambda: replica.counts("ID", 47))

    async def page(query: str) -> dict[str, Any]:
        response = await replica.http.get(f"/v1/regions/11/children?{query}", headers=replica.headers)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    first = await page("sort=-registered&limit=2")
    second = await page(f"sort=-registered&limit=2&cursor={first['next']}")
    assert [item["region"] for item in first["items"] + second["items"]] == ["11.02", "11.03", "11.01", "11.04"]
    zero = await page("filter=at_zero&sort=-registered")
    assert [item["registered"] for item in zero["items"]] == [15] + [0] * 20
    other = await replica.http.get(
        f"/v1/regions/11/children?sort=active&cursor={first['next']}", headers=replica.headers
    )
    assert problem(other) == (422, "other_cursor")


async def test_the_order_tells_the_public_no_hidden_number(stack: Stack, replica: Replica) -> None:
    """Small regions come last, by code, whichever is the larger."""
    for place, count in ((VILLAGE, 3), (OTHER_REGENCY, 7), (THIRD, 15), ("11.04", 30)):
        await stack.publish(joined(count, place))
    await eventually(lambda: replica.counts("ID", 55))
    page = (await replica.http.get("/v1/regions/11/children?sort=-registered")).json()
    order = [item["region"] for item in page["items"]]
    assert order[0] == "11.04"
    assert order[-3:] == ["11.01", "11.02", "11.03"]
