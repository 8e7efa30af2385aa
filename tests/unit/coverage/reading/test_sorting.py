"""Sorting and filtering of regions."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reading.sorting import Filter, Sort, filtered, ordered, value_of
from shared.contracts.snapshots import Coverage, Potential, QuotaBoard, Ratio, Snapshot, Target, TargetPoint
from tests.factories_coverage import TODAY, snapshot

NUMBERS = st.none() | st.integers(0, 3)


def target(measure: str, people_short: int | None) -> Target:
    """Return a target of all workers."""
    last = TargetPoint(TODAY, 0.9, 9, 1)
    return Target("workers", measure, None, None, people_short, None, None, last, "pmk", TODAY, 1)


@st.composite
def regions(draw: st.DrawFn) -> list[Snapshot]:
    """Draw regions with few different numbers, some of them unknown."""
    made = []
    for n in range(draw(st.integers(0, 8))):
        ratio, potential, measure = draw(NUMBERS), draw(NUMBERS), draw(st.sampled_from(["active", "registered"]))
        made.append(
            snapshot(
                f"11.{n:02d}",
                name=draw(st.sampled_from(["Aceh", "Bireuen"])),
                registered=draw(st.integers(0, 3)),
                potential={} if potential is None else {"workers": Potential(potential, "bps", TODAY, 1)},
                coverage=Coverage(None, Ratio(1, 1, ratio)),
                target=(target(measure, draw(NUMBERS)),) if draw(st.booleans()) else (),
                due=draw(st.sampled_from([{}, {"30d": {"self": 2, "csr": 1}}, {"30d": {}}])),
            )
        )
    return made


@given(regions(), st.sampled_from(get_args(Sort)))
def test_regions_come_in_order(some: list[Snapshot], sort: Sort) -> None:
    """Each region once; equal ones by code, those without a value last, in either direction."""
    whole = ordered(some, sort)
    assert sorted(one.region for one in whole) == sorted(one.region for one in some)
    values = [(value_of(one, sort), one.region) for one in whole]
    known: list[Any] = [place for place in values if place[0] is not None]
    assert [place[0] for place in values[len(known) :]] == [None] * (len(values) - len(known))
    by_code = sorted(known, key=lambda place: place[1])
    assert known == sorted(by_code, key=lambda place: place[0], reverse=sort.startswith("-"))


MISSED, MET = QuotaBoard("vulnerable", "active", 9, 2, 1, 0, 8, 1), QuotaBoard("vulnerable", "active", 9, 2, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("at_zero", snapshot(), snapshot(active=1)),
        ("below_target", snapshot(target=(target("active", 3),)), snapshot()),
        ("below_target", snapshot(target=(target("active", 3),)),
         snapshot(target=(target("active", 0), target("registered", None)))),
        ("quota_missed", snapshot(quota=(MISSED,)), snapshot(quota=(MET,))),
    ],
)  # fmt: skip
def test_a_filter_passes_what_fits(name: Filter, fits: Snapshot, does_not: Snapshot) -> None:
    """What is unknown passes no filter."""
    assert [*filtered([fits, does_not], [name])] == [fits]


def test_a_region_must_pass_all_filters() -> None:
    """Two filters are joined by "and"."""
    both: Snapshot = snapshot(quota=(MISSED,))
    assert [*filtered([both, snapshot("12")], ["at_zero", "quota_missed"])] == [both]
