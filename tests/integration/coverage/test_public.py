"""What the public sees over HTTP, on real Kafka and MongoDB."""

from __future__ import annotations

from datetime import date

from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.regions.codes import parent_of
from tests.factories_coverage import NEIGHBOUR, VILLAGE, change, joined, state
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

JOINED_ON = date(2023, 6, 15)
DISTRICT = parent_of(VILLAGE) or ""


def came(count: int, place: str, first: int) -> list[Change]:
    """Return so many people who came to a place in the year 2023."""
    return [change(first + n, after=state(place), effective_day=JOINED_ON) for n in range(count)]


async def test_villages_are_shown_of_month_ends(stack: Stack, replica: Replica) -> None:
    """Few people are hidden with the next smallest, level by level; those of this month are not among them."""
    people = came(3, VILLAGE, 0) + came(12, NEIGHBOUR, 3) + came(30, "11.01.02.2005", 15)
    await stack.publish([*people, *joined(20, "11.01.02.2005", first=45)])
    await eventually(lambda: replica.counts("ID", 65))
    for query in ("", "?as_of=2023-06-30"):
        page = (await replica.http.get(f"/v1/regions/{DISTRICT}/children{query}")).json()
        shown = {item["region"]: item["registered"] for item in page["items"]}
        assert (shown[VILLAGE], shown[NEIGHBOUR], shown["11.01.02.2005"]) == (None, None, 30)
        assert page["unplaced"] == {"registered": 0, "active": 0}
        (district,) = [
            item
            for item in (await replica.http.get(f"/v1/regions/11.01/children{query}")).json()["items"]
            if item["region"] == DISTRICT
        ]
        assert (district["registered"], district["level"], "flows" in district) == (45, "district", False)
    assert (await replica.http.get(f"/v1/regions/{VILLAGE}?as_of=2023-05-31")).json()["registered"] == 0
    assert (await replica.http.get("/v1/regions/11.01")).json()["registered"] == 65


async def test_flows_are_shown_of_month_ends(stack: Stack, replica: Replica) -> None:
    """Of a regency; and every village below is in the list."""
    await stack.publish(came(20, VILLAGE, 0))
    await eventually(lambda: replica.counts("ID", 20))
    then = (await replica.http.get("/v1/regions/11.01?as_of=2023-06-30")).json()
    assert then["flows"]["30d"]["joined"] == {"registered": 20, "active": 20}
    assert then["suppressed"] == []
    between = (await replica.http.get("/v1/regions/11.01?as_of=2023-06-29")).json()
    assert (between["registered"], between["flows"]["30d"], between["position"]) == (20, None, None)
    page = (await replica.http.get(f"/v1/regions/{DISTRICT}/children")).json()
    assert [item["region"] for item in page["items"]] == list(catalogue().children(DISTRICT))
