"""Releases on real Kafka and MongoDB: made by the command, verified, and all that a caller without a token gets."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from typing import Any

import httpx
import pytest

from services.coverage.public import making
from services.coverage.public.domain.release import Month
from services.coverage.public.mongo import MongoReleases
from shared.contracts.changes import Change
from shared.runtime.errors import TransientError
from tests.factories_coverage import NEIGHBOUR, OTHER_PROVINCE, VILLAGE, change, partition, state
from tests.integration.coverage.commands import cakupan_coverage
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

OCTOBER = "2026-10-31"
DAY = date(2026, 10, 5)


def october(*places: tuple[int, str], first: int = 0) -> list[Change]:
    """Return so many people a place who joined in October, numbered on in each partition from `first`."""
    numbers: Counter[int] = Counter()
    made = []
    for count, place in places:
        for _ in range(count):
            made.append(change(first + numbers[partition(place)], effective_day=DAY, after=state(place)))
            numbers[partition(place)] += 1
    return made


SOME = october((3, VILLAGE), (30, NEIGHBOUR), (40, "11.02"), (50, OTHER_PROVINCE))
LATER = october((5, VILLAGE), first=sum(partition(one.after.region) == partition() for one in SOME if one.after))


async def counted(stack: Stack, replica: Replica, people: int = 123) -> None:
    """Publish the people of October and wait until they are counted."""
    await stack.publish(SOME)
    await eventually(lambda: replica.counts("ID", people))


async def get(replica: Replica, path: str, **headers: str) -> httpx.Response:
    """Ask without a token."""
    return await replica.http.get(path, headers=headers)


async def shown(replica: Replica, path: str) -> dict[str, Any]:
    """Return what the public is shown."""
    response = await get(replica, path)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_a_release_is_all_that_the_public_sees(stack: Stack, replica: Replica) -> None:
    """Before it nothing; then figures of its month, few people hidden, the same bytes whatever is counted later."""
    await counted(stack, replica)
    assert (await get(replica, "/v1/regions/ID")).json()["code"] == "no_release"
    assert await shown(replica, "/v1/releases") == {"items": [], "next": None}
    made = await cakupan_coverage(stack, "release", "--month", "2026-10")
    assert (made.code, "2026-10 is released" in made.said) == (0, True), made.said
    listed = (await shown(replica, "/v1/releases"))["items"]
    assert [(one["month"], one["as_of"]) for one in listed] == [("2026-10", OCTOBER)]
    nation, village = await shown(replica, "/v1/regions/ID"), await shown(replica, f"/v1/regions/{VILLAGE}")
    assert (nation["registered"], nation["flows"]["joined"]["registered"]) == (123, 123)
    assert nation["made_on"] == listed[0]["made_on"]
    assert (village["registered"], "registered" in village["suppressed"]) == (None, True)
    paths = ["/v1/regions/ID", "/v1/regions/11.01/children?sort=-active", "/v1/reports/monev?region=11&format=csv"]
    before = [await get(replica, path) for path in paths]
    await stack.publish(LATER)
    await eventually(lambda: replica.counts("ID", 128))
    for path, first in zip(paths, before, strict=True):
        again = await get(replica, path)
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        assert not first.headers["etag"].startswith("W/")
        held = await get(replica, path, **{"if-none-match": first.headers["etag"]})
        assert held.status_code == 304
    assert (await replica.region("ID"))["registered"] == 128


async def test_a_named_month_may_be_kept_for_good(stack: Stack, replica: Replica) -> None:
    """The newest for minutes; where a token came, by nobody between."""
    await counted(stack, replica)
    await cakupan_coverage(stack, "release", "--month", "2026-10")
    assert (await get(replica, "/v1/regions/11")).headers["cache-control"] == "public, max-age=300"
    named = await get(replica, f"/v1/regions/11?as_of={OCTOBER}")
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    lacking = await replica.http.get("/v1/regions/11", headers=stack.headers("facts:write"))
    assert (lacking.status_code, lacking.headers["cache-control"]) == (200, "private, no-store")
    for path in ("/v1/regions/11?as_of=2026-09-30", "/v1/regions/11/children?as_of=2026-12-31"):
        assert (await get(replica, path)).json()["code"] == "no_release"


async def test_children_are_sorted_and_paged_from_the_release(stack: Stack, replica: Replica) -> None:
    """Those with a hidden number come last, in either direction."""
    await counted(stack, replica)
    await cakupan_coverage(stack, "release", "--month", "2026-10")
    villages, path = [], "/v1/regions/11.01.02/children?sort=-registered&limit=9"
    page = await shown(replica, path)
    villages += page["items"]
    while page["next"]:
        page = await shown(replica, f"{path}&cursor={page['next']}")
        villages += page["items"]
    numbers = [one["registered"] for one in villages]
    known = [number for number in numbers if number is not None]
    assert numbers == sorted(known, reverse=True) + [None] * (len(numbers) - len(known))
    hidden = {one["region"] for one in villages if one["registered"] is None}
    assert {VILLAGE, NEIGHBOUR} <= hidden
    at_zero = await shown(replica, "/v1/regions/11/children?filter=at_zero")
    assert all(one["active"] == 0 for one in at_zero["items"])


async def test_the_sheet_of_a_release_hides_the_same(stack: Stack, replica: Replica) -> None:
    """A file reveals no more than the API."""
    await counted(stack, replica)
    await cakupan_coverage(stack, "release", "--month", "2026-10")
    sheet = await get(replica, "/v1/reports/monev?region=11.01.02&format=csv")
    rows = {row["Kode"]: row for row in csv.DictReader(sheet.text.splitlines())}
    assert (rows[VILLAGE]["Terdaftar"], "Disamarkan" in rows[VILLAGE]["Catatan"]) == ("", True)


async def test_a_release_is_made_once_and_of_a_month_that_is_over(stack: Stack, replica: Replica) -> None:
    """A second one, or one of a month to come, is refused and changes nothing."""
    await counted(stack, replica)
    await cakupan_coverage(stack, "release", "--month", "2026-10")
    again = await cakupan_coverage(stack, "release", "--month", "2026-10")
    assert (again.code, "a release never changes" in again.said) == (1, True)
    early = await cakupan_coverage(stack, "release", "--month", "2999-01")
    assert (early.code, "is not over" in early.said) == (1, True)
    assert (await cakupan_coverage(stack, "release", "--month", "October")).code == 2


async def test_a_release_broken_off_shows_nothing_and_goes_on(
    stack: Stack, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the figures of the point in time at which it began, although more was counted since."""
    await counted(stack, replica)
    write, writes = MongoReleases.write, 0

    async def breaking(self: MongoReleases, month: Month, regions: Any) -> None:
        nonlocal writes
        writes += 1
        if writes > 100:
            raise TransientError("killed")
        await write(self, month, regions)

    monkeypatch.setattr(MongoReleases, "write", breaking)
    assert (await cakupan_coverage(stack, "release", "--month", "2026-10")).code == 2
    assert (await get(replica, "/v1/regions/11")).json()["code"] == "no_release"
    await stack.publish(LATER)
    await eventually(lambda: replica.counts("ID", 128))
    monkeypatch.setattr(MongoReleases, "write", write)
    monkeypatch.setattr(making, "Figures", None)
    assert (await cakupan_coverage(stack, "release", "--month", "2026-10")).code == 0
    assert (await shown(replica, "/v1/regions/ID"))["registered"] == 123
