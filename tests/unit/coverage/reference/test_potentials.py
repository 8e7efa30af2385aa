"""Potential workers: a region's own figure, or the sum of all its children's."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.potentials import POTENTIALS, Potentials, periods_in_force
from services.coverage.reference.domain.ratio import ratio
from services.coverage.reference.domain.reference import AsOf, RecordedRow
from shared.contracts.snapshots import Potential
from tests.factories_reference import RECORDED_AT, SEPTEMBER, TODAY, index_of, row, tree

DATA = Path(__file__).parents[3] / "data" / "papua_barat_2023-08.csv"
VILLAGES = ("11.01.01.2001", "11.01.01.2002", "11.01.02.2001", "11.02.01.2001")
CHILDREN = tree(*VILLAGES)


def workers(region: str, value: int | None, **over: Any) -> RecordedRow[int]:
    """Return a region's potential workers."""
    return row(POTENTIALS, region, "workers", value, **over)


def found(region: str, *rows: RecordedRow[int], at: AsOf = TODAY) -> Potential | None:
    """Return the potential workers of a region when these rows are recorded."""
    return Potentials(index_of(*rows), CHILDREN).of(region, "workers", at)


def test_the_regencies_of_papua_barat_add_up() -> None:
    """Seven published regencies, sum marked as such, of one source, definition and day; Kaimana stays over 100 %."""
    regencies = list(csv.DictReader(DATA.read_text().splitlines()))
    rows = [workers(line["region"], int(line["potential"])) for line in regencies]
    children = {"92": tuple(sorted(line["region"] for line in regencies))}
    potential = Potentials(index_of(*rows), lambda region: children.get(region, ())).of("92", "workers", TODAY)
    assert potential == Potential(155_222, "bps", SEPTEMBER, 7, "all who work", summed=True)
    kaimana = next(line for line in regencies if line["region"] == "92.08")
    coverage = ratio(int(kaimana["registered"]), int(kaimana["potential"]))
    assert coverage is not None
    assert (coverage.numerator, coverage.denominator, coverage.ratio) == (25_721, 20_390, 1.2615)


def test_a_figure_of_its_own_decides() -> None:
    """Whatever the children come to."""
    own = found("11", workers("11", 99), *(workers(village, 10) for village in VILLAGES))
    assert own == Potential(99, "bps", SEPTEMBER, 1, "all who work")


def test_a_sum_needs_every_child_of_one_source_definition_and_day() -> None:
    """One that lacks, differs or was withdrawn leaves the parent without a figure."""
    one = workers("11.01", 10)
    assert found("11", one) is None
    for over in ({"source": "dinas"}, {"definition": "farmers"}, {"valid_from": date(2023, 8, 1)}, {"value": None}):
        other: dict[str, Any] = {"value": 5} | over
        assert found("11", one, workers("11.02", **other)) is None
    assert found("11", one, workers("11.02", 5)) is not None


def test_a_withdrawn_parent_is_summed_again() -> None:
    """It has no row, as if it had never had one."""
    rows = [workers("11", 99), workers("11", None, valid_from=date(2023, 9, 5), version=2)]
    children = [workers("11.01", 10), workers("11.02", 5)]
    potential = found("11", *rows, *children)
    assert potential is not None
    assert (potential.value, potential.summed) == (15, True)


def test_a_sum_follows_what_is_recorded_later_and_what_was_known() -> None:
    """Sums are remembered only while nothing changes, and a child's restatement raises the version."""
    book = index_of(workers("11.01", 10), workers("11.02", 5))
    potentials = Potentials(book, CHILDREN)
    assert potentials.of("11", "workers", TODAY) == Potential(15, "bps", SEPTEMBER, 2, "all who work", summed=True)
    book.add([workers("11.02", 6, version=2, recorded_at=RECORDED_AT.replace(month=11))])
    assert potentials.of("11", "workers", TODAY) == Potential(16, "bps", SEPTEMBER, 3, "all who work", summed=True)
    announced = potentials.of("11", "workers", AsOf(TODAY.day, known_at=date(2023, 10, 2)))
    assert announced is not None
    assert announced.value == 15
    assert potentials.of("11", "workers", AsOf(TODAY.day, known_at=date(2023, 10, 1))) is None


def test_what_is_kept_serves_all_days_on_which_the_same_figures_are_in_force() -> None:
    """A figure of its own needs no sum; a sum is kept from when it was asked for until a row is added."""
    book = index_of(*(workers(region, 5) for region in ("11.01", "11.02", "12")))
    potentials, later = Potentials(book, CHILDREN), AsOf(TODAY.day + timedelta(days=90))
    assert [potentials.is_kept(region, TODAY) for region in ("11", "11.01.01.2001")] == [False, True]
    potentials.by_basis("11", TODAY)
    assert [potentials.is_kept("11", day) for day in (TODAY, later, AsOf(SEPTEMBER - timedelta(days=1)))] == [
        True, True, False,
    ]  # fmt: skip
    book.add([workers("12", 6, valid_from=SEPTEMBER + timedelta(days=30))])
    assert not potentials.is_kept("11", TODAY)


@given(st.dictionaries(st.sampled_from(VILLAGES), st.integers(0, 1000)))
def test_a_parent_equals_the_sum_of_its_children_or_has_none(values: dict[str, int]) -> None:
    """At every level, however many villages have a figure."""
    potentials = Potentials(index_of(*(workers(village, value) for village, value in values.items())), CHILDREN)
    for parent in ("ID", "11", "11.01", "11.01.01"):
        parts = [potentials.of(child, "workers", TODAY) for child in CHILDREN(parent)]
        total = potentials.of(parent, "workers", TODAY)
        if any(part is None for part in parts):
            assert total is None
        else:
            assert total is not None
            assert total.value == sum(part.value for part in parts if part is not None)


def test_a_series_breaks_where_the_definition_changes() -> None:
    """Not where only the number does, and a withdrawal in between does not hide the break."""
    rows = [
        workers("11", 1_710_891),
        workers("11", 1_720_000, valid_from=date(2024, 3, 1), version=2),
        workers("11", None, valid_from=date(2025, 1, 1), version=3),
        workers("11", 1_601_559, valid_from=date(2025, 8, 1), version=4, definition="without construction"),
        workers("11", 7, valid_from=date(2026, 1, 1), version=5),
    ]
    series = list(periods_in_force(rows, AsOf(date(2025, 12, 31))))
    assert [(since, row.value if row else None, breaks) for since, row, breaks in series] == [
        (SEPTEMBER, 1_710_891, False),
        (date(2024, 3, 1), 1_720_000, False),
        (date(2025, 1, 1), None, False),
        (date(2025, 8, 1), 1_601_559, True),
    ]
