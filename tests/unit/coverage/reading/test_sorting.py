"""Sorting and filtering of regions."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reading.shown import PublicPlace, PublicQuota, PublicRegion, Shown
from services.coverage.reading.sorting import Filter, Sort, filtered, ordered, value_of
from shared.contracts.snapshots import QuotaBoard, Snapshot
from tests.factories_coverage import TODAY, snapshot

NUMBERS = st.none() | st.integers(0, 3)


def public(shape: type[Shown], region: str = "11", **over: Any) -> Shown:
    """Return what the public sees of a region; its numbers may be hidden."""
    fields = msgspec.to_builtins(snapshot(region)) | {"designated": None, "suppressed": []}
    found: Shown = msgspec.convert(fields | over, shape)
    return found


def target(measure: str, people_short: int | None) -> dict[str, Any]:
    """Return a target of all workers."""
    last = {"on": TODAY, "ratio": 0.9, "people": 9, "people_short": 1}
    numbers = dict.fromkeys(("required", "people_required", "people_ahead", "next"))
    return numbers | {
        "basis": "workers", "measure": measure, "people_short": people_short, "last": last, "source": "pmk",
        "valid_from": TODAY, "version": 1,
    }  # fmt: skip


@st.composite
def regions(draw: st.DrawFn) -> list[Shown]:
    """Draw regions with few different numbers, some of them hidden or unknown."""
    made = []
    for n in range(draw(st.integers(0, 8))):
        ratio, potential, measure = draw(NUMBERS), draw(NUMBERS), draw(st.sampled_from(["active", "registered"]))
        basis = {"value": potential, "source": "bps", "valid_from": TODAY, "version": 1}
        given = {
            "name": draw(st.sampled_from(["Aceh", "Bireuen"])),
            "registered": draw(NUMBERS),
            "active": draw(NUMBERS),
            "potential": {} if potential is None else {"workers": basis},
            "coverage": {"registered": None, "active": {"numerator": 1, "denominator": 1, "ratio": ratio}},
            "target": [target(measure, draw(NUMBERS))] if draw(st.booleans()) else [],
            "due": draw(st.sampled_from([{}, {"30d": {"self": 2, "csr": 1}}, {"30d": {}}])),
        }
        made.append(public(draw(st.sampled_from([PublicRegion, PublicRegion, PublicPlace])), f"11.{n:02d}", **given))
    return made


@given(regions(), st.sampled_from(get_args(Sort)))
def test_regions_come_in_order(some: list[Shown], sort: Sort) -> None:
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
        ("at_zero", snapshot(), public(PublicRegion, active=None)),
        ("below_target", public(PublicRegion, target=[target("active", 3)]), snapshot()),
        ("below_target", public(PublicRegion, target=[target("active", 3)]), public(PublicPlace)),
        ("below_target", public(PublicRegion, target=[target("active", 3)]),
         public(PublicRegion, target=[target("active", 0), target("registered", None)])),
        ("quota_missed", snapshot(quota=(MISSED,)), snapshot(quota=(MET,))),
        ("quota_missed", public(PublicPlace, quota=[PublicQuota("vulnerable", "active", 9, False)]),
         public(PublicPlace, quota=[PublicQuota("vulnerable", "active", 9, None)])),
    ],
)  # fmt: skip
def test_a_filter_uses_what_is_shown(name: Filter, fits: Shown, does_not: Shown) -> None:
    """A hidden number passes no filter."""
    assert [*filtered([fits, does_not], [name])] == [fits]


def test_a_region_must_pass_all_filters() -> None:
    """Two filters are joined by "and"."""
    both: Snapshot = snapshot(quota=(MISSED,))
    assert [*filtered([both, snapshot("12")], ["at_zero", "quota_missed"])] == [both]
