"""The public view: whole regions, with what tells of a few people hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest

from services.coverage.public.viewer import MonthEndsOnlyError, PublicViewer, is_public
from services.coverage.reading.shown import PublicPlace, PublicRegion
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.snapshots import Forecast, Projection, Snapshot
from shared.regions.catalogue import catalogue
from tests.factories_coverage import NEIGHBOUR, RECORDED_AT, TODAY, VILLAGE, change, joined, state
from tests.factories_reference import index_of, row
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore, reader_of
from tests.ports.coverage.test_timelines import keep

BOOK = index_of(
    row(POTENTIALS, "92.08", "workers", 20_390, date(2023, 1, 1)),
    row(POTENTIALS, VILLAGE, "workers", 400, date(2023, 1, 1)),
    row(QUOTAS, "ID", "vulnerable", Quota("active", 100, ("desa",)), date(2023, 1, 1)),
    row(POTENTIALS, VILLAGE, "village_officials", 9, date(2023, 1, 1)),
    row(DESIGNATIONS, VILLAGE, "designated", 1, date(2023, 1, 1)),
)
MONTH_END = date(2026, 10, 31)
MONTHLY = ["flows.7d", "flows.30d", "flows.90d"]
"""What is shown of month ends alone."""


@cache
def children(region: str) -> tuple[str, ...]:
    """Every province and regency; below the regency only where somebody is counted, or it would take minutes."""
    return catalogue().children(region) if "." not in region or region.startswith(("11.01", "92.08")) else ()


async def public(people: dict[str, int], day: date = TODAY, now: datetime = RECORDED_AT) -> PublicViewer:
    """Return the public's view when so many joined in each place that day; some regions have reference data."""
    store = MemoryStore()
    await keep(
        store,
        [
            replace(one, effective_day=day, after=state(place, groups=("vulnerable",)))
            for place, count in people.items()
            for one in joined(count, place)
        ],
    )
    clock = ManualClock(now)
    viewer = reader_of(store, BOOK, children, clock, catalogue().name)
    return PublicViewer(viewer, children, clock)


async def seen(people: dict[str, int], *regions: str) -> list[dict[str, Any]]:
    """Return what the public sees of the regions now, when so many joined today in each place."""
    return await (await public(people)).documents(regions)


async def test_large_numbers_are_shown_in_full() -> None:
    """Nothing is marked where nobody is few."""
    (kaimana,) = await seen({"92.08": 25_721}, "92.08")
    assert kaimana["suppressed"] == MONTHLY
    assert (kaimana["registered"], kaimana["coverage"]["active"].get("ratio")) == (25_721, 1.2615)


async def test_a_small_region_shows_none_of_its_numbers() -> None:
    """Its counts, ratio, unplaced, flows and position would each tell."""
    (kaimana,) = await seen({"92.08": 7, "92.07": 500, "92.02": 600, "11.01": 900}, "92.08")
    assert (kaimana["registered"], kaimana["active"], kaimana["position"]) == (None, None, None)
    assert kaimana["coverage"]["active"] == {"numerator": None, "denominator": 20_390, "ratio": None}
    assert kaimana["unplaced"] == {"registered": None, "active": None}
    assert kaimana["flows"] == {"7d": None, "30d": None, "90d": None}
    assert {"registered", "active", "coverage.active", "unplaced.active", *MONTHLY} <= set(kaimana["suppressed"])


async def test_the_next_smallest_sibling_is_hidden_too() -> None:
    """The province less the others would give the small one back."""
    people = {"92.08": 7, "92.07": 500, "92.02": 600, "11.01": 900}
    small, next_, large, province = await seen(people, "92.08", "92.07", "92.02", "92.03")
    assert province["registered"] == 0
    assert small["registered"] is None
    assert next_["registered"] is None
    assert large["registered"] == 600
    (parent,) = await seen(people, "92")
    assert parent["registered"] == 1107


async def test_few_unplaced_people_hide_the_smallest_regency() -> None:
    """Unplaced counts as a child: a regency's own people are those of no district."""
    (regency,) = await seen({"11.01": 4, "11.01.02": 300, "11.01.01": 200}, "11.01")
    assert regency["registered"] == 504
    assert regency["unplaced"] == {"registered": None, "active": None}


async def test_hidden_numbers_cannot_be_had_by_subtraction() -> None:
    """A province's number less all its shown regencies' leaves more than one unknown."""
    people = {"11.01": 3, "11.02": 40, "11.03": 50, "92.08": 60}
    shown = await seen(people, *catalogue().children("11"))
    unknown = [document["region"] for document in shown if document["registered"] is None]
    assert unknown == ["11.01", "11.02"]


async def test_only_nation_province_and_regency_are_public_of_any_day() -> None:
    """Those below are at month ends."""
    assert [is_public(region) for region in ("ID", "11", "11.01", "11.01.01", "11.01.01.2001")] == [
        True, True, True, False, False,
    ]  # fmt: skip


async def test_flows_are_shown_of_month_ends() -> None:
    """From day to day the windows would tell what came on each; 90 days at the ends of quarters."""
    everyone = await public({"92.08": 30, "92.07": 40}, date(2026, 9, 20))
    for day, known_at, shown in (
        (date(2026, 9, 30), None, ["7d", "30d", "90d"]),
        (date(2026, 10, 31), None, ["7d", "30d"]),
        (date(2026, 10, 30), None, []),
        (date(2026, 9, 30), TODAY, []),
    ):
        (kaimana,) = await everyone.documents(["92.08"], AsOf(day, known_at))
        assert [window for window, flows in kaimana["flows"].items() if flows] == shown
    (kaimana,) = await everyone.documents(["92.08"], AsOf(date(2026, 9, 30)))
    assert kaimana["flows"]["30d"]["joined"] == {"registered": 30, "active": 30}
    assert kaimana["suppressed"] == []


async def test_flows_from_few_people_are_hidden() -> None:
    """Five and twenty who came are five: the window is hidden that tells how few there were before."""
    store = MemoryStore()
    days = [date(2026, 8, 1)] * 5 + [date(2026, 9, 10)] * 20
    await keep(store, [change(n, effective_day=day, after=state("92.08")) for n, day in enumerate(days)])
    await keep(store, [change(n, effective_day=date(2026, 9, 10), after=state("92.07")) for n in range(50)])
    clock = ManualClock(RECORDED_AT)
    viewer = reader_of(store, ReferenceIndex(), children, clock)
    shown = await PublicViewer(viewer, children, clock).documents(["92.08"], AsOf(date(2026, 9, 30)))
    assert shown[0]["registered"] == 25
    assert shown[0]["flows"]["30d"] is None
    assert shown[0]["flows"]["90d"]["joined"]["registered"] == 25


async def test_a_village_is_shown_as_of_the_last_month_end() -> None:
    """Registered, active, ratio, quota met or not, designated or not; and nothing else."""
    (village,) = await (await public({VILLAGE: 120, NEIGHBOUR: 40}, MONTH_END)).documents([VILLAGE])
    assert village.pop("as_of").isoformat() == "2026-10-31T23:59:59+07:00"
    count = {"numerator": 120, "denominator": 400, "ratio": 0.3}
    assert village == {
        "region": VILLAGE, "name": catalogue().name(VILLAGE), "level": "village", "time_zone": "WIB",
        "parent": "11.01.02", "registered": 120, "active": 120, "unplaced": {"registered": 0, "active": 0},
        "coverage": {"registered": count, "active": count},
        "quota": [{"group": "vulnerable", "measure": "active", "required": 100, "met": True}],
        "designated": True, "suppressed": [],
    }  # fmt: skip


async def test_documents_have_the_shapes_that_openapi_shows() -> None:
    """All fields and no other, in regions and in places; what is hidden may be null there."""
    everyone = await public({VILLAGE: 7, NEIGHBOUR: 40}, MONTH_END)
    for region, shape in (
        ("11", PublicRegion),
        ("11.01", PublicRegion),
        ("11.01.02", PublicPlace),
        (VILLAGE, PublicPlace),
    ):
        (document,) = await everyone.documents([region])
        assert document.keys() == {field.name for field in fields(shape)}
        msgspec.convert(msgspec.to_builtins(document), shape)


async def test_what_came_after_the_month_end_is_not_shown_below_the_regency() -> None:
    """Nor is the month end itself while it lasts, where the region is."""
    everyone = await public({VILLAGE: 50}, date(2026, 11, 1))
    assert (await everyone.documents([VILLAGE]))[0]["registered"] == 0
    for now, last in (("2026-11-30T16:59:59+00:00", "2026-10-31"), ("2026-11-30T17:00:00+00:00", "2026-11-30")):
        later = await public({VILLAGE: 50}, date(2026, 11, 1), datetime.fromisoformat(now))
        (village,) = await later.documents([VILLAGE])
        assert village["as_of"].date().isoformat() == last


async def test_few_in_a_village_hide_another_and_what_tells_of_them() -> None:
    """Ratio and quota too; the district and its children are judged together."""
    people = {VILLAGE: 7, NEIGHBOUR: 140, "11.01.02.2005": 150}
    small, next_, large, district = await (await public(people, MONTH_END)).documents([*people, "11.01.02"])
    assert (small["registered"], small["coverage"]["active"]["ratio"], small["quota"][0]["met"]) == (None, None, None)
    assert (next_["active"], next_["quota"][0]["met"]) == (None, None)
    assert "quota.0.met" in next_["suppressed"]
    assert (large["active"], large["quota"][0]["met"], district["registered"]) == (150, True, 297)
    assert district["designated"] is None


@pytest.mark.parametrize(
    "at", [AsOf(TODAY), AsOf(date(2026, 10, 30)), AsOf(MONTH_END, TODAY), AsOf(date(2026, 11, 30)), AsOf(date.max)]
)
async def test_below_the_regency_other_days_are_refused(at: AsOf) -> None:
    """Two days, or two known_at of one day, differ by few people; the message says which day to write."""
    everyone = await public({VILLAGE: 50}, MONTH_END)
    for regions in ([VILLAGE], ["11.01", "11.01.02"]):
        with pytest.raises(MonthEndsOnlyError, match="write as_of=2026-10-31 or an earlier month end"):
            await everyone.documents(regions, at)
    assert (await everyone.documents([VILLAGE], AsOf(date(2026, 9, 30))))[0]["registered"] == 0


async def test_a_forecast_is_judged_on_the_days_it_rests_on() -> None:
    """Few were there when its rate began: how many came since tells of them."""

    class Forecasting(SnapshotReader):
        async def snapshots(self, regions: Sequence[str], at: AsOf | None = None) -> list[Snapshot]:
            rate = Projection(30, 395, None)
            found = Forecast("workers", "active", 0.5, TODAY, 60, 20, None, (rate,))
            return [replace(shot, forecast=(found,)) for shot in await super().snapshots(regions, at)]

    store, clock = MemoryStore(), ManualClock(RECORDED_AT)
    days = [TODAY - timedelta(days=40)] * 5 + [TODAY] * 395
    await keep(store, [change(n, effective_day=day, after=state("92.08")) for n, day in enumerate(days)])
    viewer = reader_of(store, ReferenceIndex(), children, clock, kind=Forecasting)
    (kaimana,) = await PublicViewer(viewer, children, clock).documents(["92.08"])
    assert (kaimana["active"], kaimana["forecast"][0]["range"]) == (400, None)
