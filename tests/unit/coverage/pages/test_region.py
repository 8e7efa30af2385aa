"""What a region's page shows, from figures that are counted already."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from services.coverage.pages.region import behind, change, due_below, due_table, fell, last_monev, lead, moved
from services.coverage.reference.domain.reference import RecordedRow
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath, target
from shared.contracts.snapshots import Count, Potential, Snapshot
from tests.factories_coverage import TODAY, snapshot
from tests.factories_reference import row

PATH: RecordedRow[TargetPath] = row(TARGETS, "11", "workers active", TargetPath((PathPoint(TODAY, Decimal("0.5")),)))


def region(code: str, people: int, potential: int = 100) -> Snapshot:
    """Return a region with a target of half its potential."""
    return snapshot(code, people, target=(target(PATH, TODAY, people, potential),))


def test_the_most_short_comes_first_and_who_is_not_short_is_left_out() -> None:
    """By people, then by code."""
    found = behind([region("11", 40), region("12", 60), region("13", 10), region("14", 10)])
    assert [(one.region, short) for one, short in found] == [("13", 40), ("14", 40), ("11", 10)]


def test_who_lapses_is_told_by_payer_and_place() -> None:
    """Payers with most people soonest first; a place without any is left out."""
    due = {"30d": {"self": 2, "apbd_regency": 40}, "60d": {"self": 9, "apbd_regency": 40, "csr": 1}, "90d": {"self": 9}}
    shown = snapshot("11", 60, due=due)
    table = due_table(shown.due)
    assert table.total == {"30d": 42, "60d": 50, "90d": 9}
    assert [payer for payer, _ in table.payers] == ["apbd_regency", "self", "csr"]
    assert due_below([snapshot("12", 3, due={"30d": {}}), shown]) == [(shown, 42)]


def test_a_fall_that_the_total_hides_is_named() -> None:
    """The group fell while the region grew."""
    then = snapshot("11", 100, by_group={"election_officer": Count(30, 30)}, by_segment={"BPU": Count(100, 100)})
    now = snapshot("11", 120, by_segment={"BPU": Count(120, 120)})
    assert [(one.axis, one.key, one.change, one.active) for one in moved(now, then)] == [
        ("group", "election_officer", -30, 0), ("segment", "BPU", 20, 120),
    ]  # fmt: skip


def test_regions_that_lost_people_are_named_with_how_many() -> None:
    """By the change in active people of 30 days."""
    flows = snapshot().flows
    lost = snapshot("11", 5, flows={**flows, "30d": {**flows["30d"], "lapsed": Count(4, -4)}})
    assert change(lost) == -4
    assert fell([snapshot("12", 9), lost]) == [(lost, 4)]


def test_the_first_figures_go_by_basis() -> None:
    """People of the group, over the potential of the basis."""
    potential = {"vulnerable": Potential(50, "bps", TODAY, 1)}
    shown = snapshot("11", 100, by_group={"vulnerable": Count(30, 20)}, potential=potential)
    found = lead(shown, "vulnerable")
    assert found.coverage.active is not None
    assert (found.active, found.registered, found.coverage.active.ratio) == (20, 30, 0.4)
    assert lead(shown, "workers").coverage.active is None


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 11, 21), date(2026, 6, 30)),
        (date(2026, 7, 1), date(2026, 6, 30)),
        (date(2026, 6, 30), date(2025, 12, 31)),
    ],
)
def test_the_last_monev_is_the_end_of_the_half_year_before(day: date, end: date) -> None:
    """A day that ends one is compared with the one before."""
    assert last_monev(day) == end
