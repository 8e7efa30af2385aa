"""What an official's token reads: one function, and the refusals made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.http_problem import Problem
from shared.adapters.territory import demand_readable, demand_within
from shared.regions.codes import holds, lineage_of, may_read
from shared.runtime.auth import Caller

PLACES = [
    "ID", "11", "12", "11.01", "11.02", "12.01", "11.01.01", "11.01.02", "11.02.01", "12.01.01",
    "11.01.01.2001", "11.01.01.2002", "11.01.02.2001", "12.01.01.2001",
]  # fmt: skip


def official(region: str | None, role: str | None = "gubernur") -> Caller:
    """Return a caller of this region."""
    return Caller("x", frozenset({"coverage:read"}), frozenset(), role, region)


@pytest.mark.parametrize(
    ("home", "elsewhere"),
    [
        ("ID", []),
        ("11", ["12.01", "12.01.01", "12.01.01.2001"]),
        ("11.01", ["12", "12.01", "11.02.01", "12.01.01", "12.01.01.2001"]),
        ("11.01.01", ["12", "11.02", "12.01", "11.02.01", "12.01.01", "11.01.02.2001", "12.01.01.2001"]),
        ("11.01.01.2001", ["12", "11.02", "12.01", "11.01.02", "11.02.01", "12.01.01", "11.01.01.2002",
                           "11.01.02.2001", "12.01.01.2001"]),
    ],
)  # fmt: skip
def test_own_above_and_beside_are_read_and_nothing_else(home: str, elsewhere: list[str]) -> None:
    """By level, from the nation to the village."""
    assert [place for place in PLACES if not may_read(home, place)] == elsewhere


@given(st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_nothing_finer_is_read_elsewhere(home: str, place: str) -> None:
    """Outside the own region no code is longer than one's own, and what is below a readable place may be closed."""
    if may_read(home, place) and not holds(home, place):
        assert place == "ID" or (home != "ID" and len(place) <= len(home))
    assert all(may_read(home, above) for above in lineage_of(home))


@pytest.mark.parametrize("home", ["", "x", "..", "11.01.01.2001.5", "99"])
def test_a_home_that_is_no_region_opens_no_region_below_a_province(home: str) -> None:
    """The issuer may be wrong; nothing fails, and nothing fine is shown."""
    assert not [place for place in PLACES if may_read(home or "?", place) and place.count(".") > home.count(".")]


def test_a_refusal_says_what_the_token_reads() -> None:
    """A program without claims and a ministry read all; a role without a region reads nothing."""
    demand_readable(official(None, None), PLACES)
    demand_readable(official("ID", "kemnaker"), PLACES)
    demand_readable(official("11"), ["11.01", "12", "ID"])
    demand_within(official("11"), "11.01")
    with pytest.raises(Problem, match="reads 11 and all below it") as caught:
        demand_readable(official("11"), ["11", "12.01"])
    assert (caught.value.status, caught.value.code, caught.value.members) == (
        403, "outside_your_region", {"region": "12.01"},
    )  # fmt: skip
    with pytest.raises(Problem, match="for 11 and all below it"):
        demand_within(official("11"), "12")
    with pytest.raises(Problem, match="names a role and no region"):
        demand_readable(official(None), ["11"])
