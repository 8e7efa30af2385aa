"""The public view of targets, forecasts, quotas and designations: nothing that gives a hidden number back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from services.coverage.public.counts import MEASURES, Counts
from services.coverage.public.viewer import Hidden
from shared.contracts.snapshots import (
    Designation,
    Forecast,
    Projection,
    QuotaBoard,
    Snapshot,
    Target,
    TargetPoint,
)
from tests.factories_coverage import snapshot
from tests.factories_reference import tree

DAY = date(2023, 12, 31)
KAIMANA, WONDAMA, MANOKWARI = "92.08", "92.07", "92.02"
CHILDREN = tree(KAIMANA, WONDAMA, MANOKWARI)


def target(basis: str = "workers") -> Target:
    """Return a target that fifty people are missing to."""
    point = TargetPoint(DAY, 0.5, 100, 60)
    return Target(basis, "active", 0.4, 90, 50, -50, point, point, "pmk", DAY, 1)


def forecast(gained: int) -> Forecast:
    """Return a forecast from so many people gained."""
    ranged = (Projection(30, gained, None),)
    return Forecast("workers", "active", 0.5, DAY, 60, 20, Projection(90, 500, DAY), ranged)


def seen(region: str, *snapshots: Snapshot, few_before: str | None = None) -> dict[str, Any]:
    """Return what the public sees of a region among these, their province and the nation.

    The count of the region `few_before` was hidden 30 days before.
    """
    total = sum(snapshot.active for snapshot in snapshots)
    above = [snapshot("92", total), snapshot("ID", total)]
    given = {one.region: one for one in above}
    given |= {one.region: one for one in snapshots}
    family = {code: given.get(code, snapshot(code, 0)) for code in ("ID", "92", KAIMANA, WONDAMA, MANOKWARI)}
    nothing: Counts = dict.fromkeys(MEASURES, frozenset())
    few: Counts = dict.fromkeys(MEASURES, frozenset({few_before or ""}))
    earlier = {30: few, 90: nothing}
    return Hidden(family, ["ID", "92"], CHILDREN, earlier).document(family[region])


def test_large_regions_show_what_they_lack() -> None:
    """Nothing is hidden where nobody is few."""
    document = seen(KAIMANA, snapshot(KAIMANA, 400, target=(target(),), forecast=(forecast(50),)))
    assert document["target"][0]["people_short"] == 50
    assert document["forecast"][0]["at_rate"]["gained"] == 500
    assert document["suppressed"] == ["flows.7d", "flows.30d", "flows.90d"]


def test_people_short_would_tell_a_hidden_number() -> None:
    """Required people less those short are those counted: of the small one, and of the next smallest."""
    snapshots = [snapshot(KAIMANA, 7, target=(target(),)), snapshot(WONDAMA, 40, target=(target(),))]
    for region in (KAIMANA, WONDAMA):
        document = seen(region, *snapshots, snapshot(MANOKWARI, 500))
        (shown,) = document["target"]
        assert (shown["people_short"], shown["people_ahead"], shown["people_required"]) == (None, None, 90)
        assert shown["next"]["people_short"] is None
        assert shown["last"] == {"on": DAY, "ratio": 0.5, "people": 100, "people_short": None}
        assert "target.0.people_short" in document["suppressed"]


def test_a_group_is_not_told_of_by_its_target() -> None:
    """The public sees no number of the group in a region."""
    document = seen(KAIMANA, snapshot(KAIMANA, 400, target=(target("vulnerable"), target())))
    assert [shown["people_short"] for shown in document["target"]] == [None, 50]


def test_a_forecast_that_tells_of_few_people_is_not_shown() -> None:
    """Where few are now, or were when the rate began: how many came since would tell of them."""
    many, small = snapshot(KAIMANA, 400, forecast=(forecast(395),)), snapshot(KAIMANA, 7, forecast=(forecast(3),))
    for shot, few_before in ((many, KAIMANA), (small, None)):
        (shown,) = seen(KAIMANA, shot, snapshot(WONDAMA, 400), few_before=few_before)["forecast"]
        assert (shown["at_rate"], shown["range"], shown["people_short"], shown["needed_a_month"]) == (None,) * 4
        assert shown["due_on"] == DAY
    (shown,) = seen(KAIMANA, many, snapshot(WONDAMA, 400), few_before=WONDAMA)["forecast"]
    assert shown["at_rate"]["gained"] == 500


def test_a_gap_is_hidden_where_few_people_are_below_the_quota() -> None:
    """One village of eight people short of 100 has a gap of 92."""
    few = QuotaBoard("vulnerable", "active", 100, 10, 9, 0, 92, 8)
    (board,) = seen(KAIMANA, snapshot(KAIMANA, 2000, quota=(few,)))["quota"]
    assert (board["gap"], board["people_below"], board["passing"]) == (None, None, 9)
    many = replace(few, people_below=88, gap=12)
    assert seen(KAIMANA, snapshot(KAIMANA, 2000, quota=(many,)))["quota"][0]["gap"] == 12


def test_the_public_sees_designations_only() -> None:
    """Which of a few officials has lapsed is personal, and so is that one has."""
    states = Designation(villages={"none": 5, "eligible": 2, "designated": 3, "designated_broken": 1})
    assert seen(KAIMANA, snapshot(KAIMANA, 400, designation=states))["designation"]["villages"] == {"designated": 4}
    for state, shown in (("designated_broken", "designated"), ("eligible", "none"), ("none", "none")):
        one = Designation(state, DAY, roster=9, active_officials=8)  # type: ignore[arg-type]
        document = seen(KAIMANA, snapshot(KAIMANA, 400, designation=one))["designation"]
        assert document["state"] == shown
        assert (document["roster"], document["active_officials"]) == (None, None)
