"""A counted snapshot completed with reference data: the domain's cases, put together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from services.coverage.reading.derived import Board, Deriver, Numerators, numerators
from services.coverage.reference.domain.potentials import POTENTIALS, Potentials
from services.coverage.reference.domain.reference import AsOf, RecordedRow
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.snapshots import Count, Ratio, Snapshot
from tests.factories_coverage import RECORDED_AT as NOW
from tests.factories_coverage import snapshot
from tests.factories_reference import RECORDED_AT, TODAY, index_of, row, tree

ACEH = snapshot("11", registered=651_652, active=583_638, by_group={"vulnerable": Count(5, 4)})
POTENTIAL = row(POTENTIALS, "11", "workers", 1_710_891)
PATH = TargetPath((PathPoint(date(2023, 9, 30), Decimal("0.40")), PathPoint(date(2045, 12, 31), Decimal("0.995"))))


def derived(
    *rows: RecordedRow[Any], at: AsOf = TODAY, earlier: Mapping[int, Numerators] | None = None, counted: Snapshot = ACEH
) -> Snapshot:
    """Return the completed snapshot when these rows are recorded."""
    reference = index_of(*rows)
    deriver = Deriver(reference, Potentials(reference, tree("11.01.01.2001")))
    return deriver.complete(counted, at, earlier or {}, Board(), NOW, catching_up=False)


def target_of(basis: str, measure: str) -> RecordedRow[TargetPath]:
    """Return Aceh's path."""
    return row(TARGETS, "11", f"{basis} {measure}", PATH, date(2023, 1, 1))


def test_aceh_in_september_2023() -> None:
    """651,652 of 1,710,891 are 38.09 %; 40 % needs 32,705 more; without a history there is no forecast."""
    found = derived(POTENTIAL, target_of("workers", "registered"))
    assert found.coverage.registered == Ratio(651_652, 1_710_891, 0.3809)
    (target,) = found.target
    assert (target.required, target.people_short, target.people_ahead) == (0.4, 32_705, -32_705)
    assert target.last.people == 1_702_337
    assert found.forecast == ()


def test_acehs_announced_figure_stays_beside_the_restated_one() -> None:
    """1,710,891 became 1,601,559; known at an earlier day, the answer is what was announced."""
    restated = row(
        POTENTIALS, "11", "workers", 1_601_559, version=2, definition="without construction",
        recorded_at=RECORDED_AT.replace(year=2025),
    )  # fmt: skip
    now = derived(POTENTIAL, restated)
    then = derived(POTENTIAL, restated, at=AsOf(TODAY.day, known_at=date(2023, 12, 31)))
    assert now.coverage.registered == Ratio(651_652, 1_601_559, 0.4069)
    assert then.coverage.registered == Ratio(651_652, 1_710_891, 0.3809)
    assert (now.potential["workers"].version, then.potential["workers"].version) == (2, 1)


def test_a_forecast_follows_from_earlier_numerators() -> None:
    """By the measure and basis of the path."""
    earlier = {30: numerators(0, 583_338, {}), 90: numerators(0, 582_638, {})}
    (forecast,) = derived(POTENTIAL, target_of("workers", "active"), earlier=earlier).forecast
    assert forecast.at_rate is not None
    assert (forecast.at_rate.gained, forecast.range[0].gained) == (1_000, 300)
    assert forecast.people_short == 1_702_337 - 583_638


def test_each_basis_has_its_group_as_numerator() -> None:
    """A group without people is a numerator of 0."""
    assert numerators(9, 8, ACEH.by_group) == {
        "workers": Count(9, 8), "vulnerable": Count(5, 4), "village_officials": Count(),
    }  # fmt: skip
    rows = [row(POTENTIALS, "11", basis, 10) for basis in ("vulnerable", "village_officials")]
    shorts = [target_of(basis, "active") for basis in ("vulnerable", "village_officials")]
    assert {one.basis: one.people_short for one in derived(*rows, *shorts).target} == {
        "vulnerable": 0, "village_officials": 4,
    }  # fmt: skip


def test_a_potential_of_0_gives_no_ratio_and_no_forecast() -> None:
    """Never 100 % on 0 of 0."""
    earlier = dict.fromkeys((30, 90), numerators(651_652, 583_638, {}))
    found = derived(row(POTENTIALS, "11", "workers", 0), target_of("workers", "active"), earlier=earlier)
    assert found.coverage.active == Ratio(583_638, 0, None)
    assert found.forecast == ()
