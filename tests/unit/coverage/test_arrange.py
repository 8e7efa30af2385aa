"""Orders and choices of regions, and pages of them."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reading.sorting import Filter, Sort, arranged, chosen, place_of

PEOPLE = st.none() | st.integers(0, 3)


def document(region: str, **over: Any) -> dict[str, Any]:
    """Return a region with nobody in it, of which little is known."""
    empty: dict[str, Any] = {
        "region": region, "name": f"name of {region}", "registered": 0, "active": 0, "potential": {},
        "coverage": {"registered": None, "active": None}, "target": [], "due": {}, "quota": [],
    }  # fmt: skip
    return empty | over


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw regions with few different numbers, some hidden or not known."""
    made = []
    for n in range(draw(st.integers(0, 8))):
        ratio, short, potential = draw(PEOPLE), draw(PEOPLE), draw(PEOPLE)
        target = {"basis": "workers", "measure": draw(st.sampled_from(["active", "registered"])), "people_short": short}
        made.append(
            document(
                f"11.{n:02d}",
                name=draw(st.sampled_from(["Aceh", "Bireuen"])),
                registered=draw(PEOPLE),
                active=draw(PEOPLE),
                potential={} if potential is None else {"workers": {"value": potential}},
                coverage={"registered": None, "active": {"ratio": ratio}},
                target=[target] if draw(st.booleans()) else [],
                due=draw(st.sampled_from([{}, {"30d": {"self": 2, "csr": 1}}, {"30d": {}}])),
            )
        )
    return made


@given(documents(), st.sampled_from(get_args(Sort)), st.integers(1, 3))
def test_pages_make_the_whole_in_order(regions: list[dict[str, Any]], sort: Sort, limit: int) -> None:
    """Each region once, page after page; equal ones by code, those without a value last, either way round."""
    whole = arranged(regions, sort)
    values = [place_of(one, sort) for one in whole]
    known: list[Any] = [place for place in values if place[0] is not None]
    assert [place[0] for place in values[len(known) :]] == [None] * (len(values) - len(known))
    signs = sorted(known, key=lambda place: place[1])
    assert known == sorted(signs, key=lambda place: place[0], reverse=sort.startswith("-"))
    paged: list[Any] = []
    while rest := arranged(regions, sort, place_of(paged[-1], sort) if paged else None):
        paged += rest[:limit]
    assert paged == whole


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("below_target", {"target": [{"people_short": 3}]}, {"target": [{"people_short": 0}, {"people_short": None}]}),
        ("at_zero", {"active": 0}, {"active": None}),
        ("quota_missed", {"quota": [{"passing": 1, "villages": 2}]}, {"quota": [{"passing": 2, "villages": 2}]}),
    ],
)
def test_a_filter_chooses_by_what_is_shown(name: Filter, fits: dict[str, Any], does_not: dict[str, Any]) -> None:
    """A hidden number fits nothing."""
    found = chosen([document("11", active=5) | fits, document("12", active=5) | does_not], [name])
    assert [one["region"] for one in found] == ["11"]


def test_filters_are_joined() -> None:
    """Only what fits all of them."""
    both = document("11", quota=[{"passing": 0, "villages": 1}])
    found = chosen([both, document("12")], ["at_zero", "quota_missed"])
    assert [one["region"] for one in found] == ["11"]
