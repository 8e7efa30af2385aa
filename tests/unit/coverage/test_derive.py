"""What follows for a region from counts and reference data: the domain's cases, put together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from services.coverage.reading.derived import Counted, Derived, Deriver, People
from services.coverage.reference.domain.desa_sadar import DESIGNATED, DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import AsOf, RecordedRow
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.snapshots import Count, Coverage, Designation, QuotaBoard, Ratio
from tests.factories_reference import RECORDED_AT, TODAY, index_of, row, tree

DESA, OTHER, THIRD, KELURAHAN = (f"63.10.01.{tail}" for tail in ("2001", "2002", "2003", "1001"))
CHILDREN = tree(DESA, OTHER, THIRD, KELURAHAN)
ACEH = People(Count(651_652, 583_638))
POTENTIAL = row(POTENTIALS, "11", "workers", 1_710_891)
PATH = TargetPath((PathPoint(date(2023, 9, 30), Decimal("0.40")), PathPoint(date(2045, 12, 31), Decimal("0.995"))))
HUNDRED = row(QUOTAS, "63.10", "vulnerable", Quota("active", 100, ("desa",)))


def derived(
    region: str, people: People, *rows: RecordedRow[Any], at: AsOf = TODAY, earlier: Mapping[int, People] | None = None
) -> Derived:
    """Return what follows for a region when these rows are recorded."""
    return Deriver(index_of(*rows), CHILDREN).of(region, at, Counted(people, earlier or {}))


def test_aceh_in_september_2023() -> None:
    """651,652 of 1,710,891 are 38.09 %; 40 % needs 32,705 more; no forecast without a history."""
    found = derived("11", ACEH, POTENTIAL, row(TARGETS, "11", "workers registered", PATH, date(2023, 1, 1)))
    assert found.coverage["workers"].registered == Ratio(651_652, 1_710_891, 0.3809)
    (target,) = found.target
    assert (target.required, target.people_short, target.people_ahead) == (0.4, 32_705, -32_705)
    assert target.last.people == 1_702_337
    assert found.forecast == ()


def test_acehs_announced_figure_stays_beside_the_restated_one() -> None:
    """1,710,891 became 1,601,559; asked what was known then, the answer is what was announced."""
    restated = row(
        POTENTIALS, "11", "workers", 1_601_559, version=2, definition="without construction",
        recorded_at=RECORDED_AT.replace(year=2025),
    )  # fmt: skip
    now = derived("11", ACEH, POTENTIAL, restated)
    then = derived("11", ACEH, POTENTIAL, restated, at=AsOf(TODAY.day, known_at=date(2023, 12, 31)))
    assert now.coverage["workers"].registered == Ratio(651_652, 1_601_559, 0.4069)
    assert then.coverage["workers"].registered == Ratio(651_652, 1_710_891, 0.3809)
    assert (now.potential["workers"].version, then.potential["workers"].version) == (2, 1)


def test_a_forecast_follows_from_what_was_counted_earlier() -> None:
    """By the measure and basis of the path."""
    path = row(TARGETS, "11", "workers active", PATH, date(2023, 1, 1))
    earlier = {30: People(Count(0, 583_338)), 90: People(Count(0, 582_638))}
    (forecast,) = derived("11", ACEH, POTENTIAL, path, earlier=earlier).forecast
    assert forecast.at_rate is not None
    assert (forecast.at_rate.gained, forecast.range[0].gained) == (1_000, 300)
    assert forecast.people_short == 1_702_337 - 583_638


def test_each_basis_has_its_group_as_numerator() -> None:
    """Those who are not counted by group have no coverage of it; nobody of a group is a numerator of 0."""
    rows = [row(POTENTIALS, "11", basis, 10) for basis in ("workers", "vulnerable", "village_officials")]
    assert set(derived("11", ACEH, *rows).coverage) == {"workers"}
    counted = derived("11", People(Count(9, 8), {"vulnerable": Count(5, 4)}), *rows).coverage
    assert counted["vulnerable"] == Coverage(Ratio(5, 10, 0.5), Ratio(4, 10, 0.4))
    assert counted["village_officials"] == Coverage(Ratio(0, 10, 0.0), Ratio(0, 10, 0.0))
    path = row(TARGETS, "11", "vulnerable active", PATH, date(2023, 1, 1))
    assert derived("11", ACEH, *rows, path).target[0].people_short is None


def test_a_potential_of_0_gives_no_ratio_and_no_forecast() -> None:
    """Never 100 % on 0 of 0."""
    path = row(TARGETS, "11", "workers active", PATH, date(2023, 1, 1))
    found = derived("11", ACEH, row(POTENTIALS, "11", "workers", 0), path, earlier={30: ACEH, 90: ACEH})
    assert found.coverage["workers"].active == Ratio(583_638, 0, None)
    assert found.forecast == ()


def test_a_village_has_its_quota() -> None:
    """Where people are counted by group, and a quota holds for villages of its kind."""
    people = People(Count(200, 200), {"vulnerable": Count(90, 88)})
    (board,) = derived(DESA, people, HUNDRED).quota
    assert board == QuotaBoard("vulnerable", "active", 100, 1, 0, 0, 12, 88)
    assert derived(KELURAHAN, people, HUNDRED).quota == ()
    assert derived(DESA, People(Count()), HUNDRED).quota == ()


def test_a_village_has_its_state() -> None:
    """Where the roster is not known a designation stands; where officials are not counted yet, nothing is said."""
    roster = row(POTENTIALS, DESA, "village_officials", 9)
    decree = row(DESIGNATIONS, DESA, DESIGNATED, 1, date(2018, 11, 12))
    lapsed = People(Count(), {"village_official": Count(9, 8)})
    assert derived(DESA, lapsed, roster, decree).designation == Designation(
        "designated_broken", date(2018, 11, 12), roster=9, active_officials=8
    )
    assert derived(DESA, People(Count(), {}), decree).designation == Designation(
        "designated", date(2018, 11, 12), active_officials=0
    )
    assert derived(DESA, People(Count()), roster, decree).designation is None
    assert derived("63.10", lapsed, roster, decree).designation is None
