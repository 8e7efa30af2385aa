"""Releases on real Kafka and MongoDB: made by the command, verified, and all that a caller without a token gets."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.coverage.counting.mongo.store import MongoStore
from services.coverage.public import making
from services.coverage.public.domain.release import Month
from services.coverage.public.job import ReleaseJob
from services.coverage.public.making import NoProgressBar, Parts, ReleaseMaker
from services.coverage.public.metrics import ReleaseMetrics
from services.coverage.public.mongo import MongoReleases
from services.coverage.public.verify import ReleaseDiffersError, ReleaseVerifier
from services.coverage.reference.mongo import MongoReference
from shared.adapters.mongo import Mongo
from shared.adapters.mongo_leases import MongoLeases
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, TransientError
from tests.factories_coverage import NEIGHBOUR, OTHER_PROVINCE, VILLAGE, change, partition, state
from tests.factories_reference import tree
from tests.fakes import ManualClock
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


CHILDREN = tree(VILLAGE, NEIGHBOUR, "11.01.02.2001", "11.01.02.2002", "11.02.01.2001", OTHER_PROVINCE)


async def counted(stack: Stack, replica: Replica, people: int = 123) -> None:
    """Publish the people of October and wait until they are counted."""
    await stack.publish(SOME)
    await eventually(lambda: replica.counts("ID", people))


@asynccontextmanager
async def job(stack: Stack, clock: Clock | None = None) -> AsyncIterator[ReleaseJob]:
    """Give what makes releases, in a nation of few villages, on the counters of the stack."""
    mongo = Mongo(stack.mongodb, stack.settings().database("coverage"), "release")
    releases, leases = MongoReleases(mongo), MongoLeases(mongo)
    clock = clock or stack.clock
    parts = Parts(MongoStore(mongo), MongoReference(mongo), releases, CHILDREN, catalogue().name, clock)
    try:
        metrics = ReleaseMetrics(CollectorRegistry())
        yield ReleaseJob(ReleaseMaker(parts, NoProgressBar()), releases, leases, "test", clock, metrics)
    finally:
        mongo.close()


async def release(stack: Stack) -> None:
    """Make the release of October."""
    async with job(stack) as making:
        await making.make(Month(2026, 10))


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
    await release(stack)
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
    await release(stack)
    assert (await get(replica, "/v1/regions/11")).headers["cache-control"] == "public, max-age=300"
    named = await get(replica, f"/v1/regions/11?as_of={OCTOBER}")
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    lacking = await replica.http.get("/v1/regions/11", headers=stack.headers("facts:write"))
    assert (lacking.status_code, lacking.headers["cache-control"]) == (200, "private, no-store")
    for day in ("2026-09-30", "2026-12-31", "0001-01-31", "9999-12-31"):
        for path in ("regions/11?", "regions/11/children?", "reports/monev?region=11&"):
            assert (await get(replica, f"/v1/{path}as_of={day}")).json()["code"] == "no_release"


async def test_children_are_sorted_and_paged_from_the_release(stack: Stack, replica: Replica) -> None:
    """Those with a hidden number come last, in either direction."""
    await counted(stack, replica)
    await release(stack)
    villages, path = list[dict[str, Any]](), "/v1/regions/11.01.02/children?sort=-registered&limit=3"
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
    await release(stack)
    sheet = await get(replica, "/v1/reports/monev?region=11.01.02&format=csv")
    rows = {row["Kode"]: row for row in csv.DictReader(sheet.text.splitlines())}
    assert (rows[VILLAGE]["Terdaftar"], "Disamarkan" in rows[VILLAGE]["Catatan"]) == ("", True)


async def test_the_command_makes_a_release_once_and_of_a_month_that_is_over(stack: Stack, replica: Replica) -> None:
    """A second one, or one of a month to come, is refused and changes nothing; `tests/e2e` makes a first one by it."""
    await counted(stack, replica)
    await release(stack)
    again = await cakupan_coverage(stack, "release", "--month", "2026-10")
    assert (again.code, "a release never changes" in again.said) == (1, True)
    assert (await shown(replica, "/v1/regions/ID"))["registered"] == 123
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
        if writes > 2:
            raise TransientError("killed")
        await write(self, month, regions)

    monkeypatch.setattr(MongoReleases, "write", breaking)
    with pytest.raises(TransientError):
        await release(stack)
    assert (await get(replica, "/v1/regions/11")).json()["code"] == "no_release"
    await stack.publish(LATER)
    await eventually(lambda: replica.counts("ID", 128))
    monkeypatch.setattr(MongoReleases, "write", write)
    monkeypatch.setattr(making, "Figures", None)
    await release(stack)
    assert (await shown(replica, "/v1/regions/ID"))["registered"] == 123


async def test_verify_finds_what_was_altered(stack: Stack, replica: Replica) -> None:
    """A stored document that somebody changed, and figures that nobody knew on the day of making."""
    await counted(stack, replica)
    async with job(stack) as making, verifying(stack) as (verifier, mongo):
        made = await making.make(Month(2026, 10))
        assert await verifier.verify(made) == 0
        await stack.publish(LATER)
        await eventually(lambda: replica.counts("ID", 128))
        assert await verifier.verify(made) == 1
        await mongo["release_regions"].update_one({"_id": f"2026-10 {VILLAGE}"}, {"$set": {"body": b"{}"}})
        with pytest.raises(ReleaseDiffersError, match=VILLAGE):
            await verifier.verify(made)


@asynccontextmanager
async def verifying(stack: Stack) -> AsyncIterator[tuple[ReleaseVerifier, Mongo]]:
    """Give what verifies releases of the few villages, and their database."""
    mongo = Mongo(stack.mongodb, stack.settings().database("coverage"), "verify")
    parts = Parts(
        MongoStore(mongo), MongoReference(mongo), MongoReleases(mongo), CHILDREN, catalogue().name, stack.clock
    )
    try:
        yield ReleaseVerifier(parts, NoProgressBar()), mongo
    finally:
        mongo.close()


async def test_the_job_makes_it_on_the_tenth(stack: Stack, replica: Replica) -> None:
    """From 09:00 WIB on, of the month before, and no other day; once."""
    await counted(stack, replica)
    for day, hour, there in ((9, 5, 0), (10, 1, 0), (10, 2, 1), (10, 3, 1)):
        async with job(stack, ManualClock(datetime(2026, 11, day, hour, tzinfo=UTC))) as making:
            await making.make_if_due()
        assert len((await shown(replica, "/v1/releases"))["items"]) == there
    assert (await shown(replica, "/v1/regions/ID"))["made_on"] == "2026-11-10"


async def test_two_never_make_a_release_together(stack: Stack, replica: Replica) -> None:
    """Whoever has the lease makes it."""
    async with job(stack) as making:
        mongo = Mongo(stack.mongodb, stack.settings().database("coverage"), "other")
        await MongoLeases(mongo).acquire("release", "other", stack.clock.now(), timedelta(minutes=1))
        mongo.close()
        with pytest.raises(FencedError, match="another process"):
            await making.make(Month(2026, 10))
