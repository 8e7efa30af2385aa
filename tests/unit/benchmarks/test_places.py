from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.places import arrivals, potentials_of
from shared.regions.catalogue import catalogue
from shared.regions.codes import regency_of


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 9_900), seed=st.integers(0, 2**32))
def test_each_measured_fact_has_a_place_of_its_own(count: int, seed: int) -> None:
    """No other fact happens in a counting probe's village or in a crossing's regency."""
    planned = arrivals(count, seed)
    assert len(planned) == count
    villages, regencies = Counter(a.region for a in planned), Counter(regency_of(a.region) for a in planned)
    for arrival in planned:
        assert arrival.region in catalogue()
        if arrival.kind == "counted":
            assert villages[arrival.region] == 1
        if arrival.kind == "crossing":
            assert regencies[regency_of(arrival.region)] == 1


def test_only_crossings_have_potential_workers() -> None:
    """So no rule fires anywhere else."""
    planned = arrivals(600, seed=1)
    crossings = {regency_of(arrival.region) for arrival in planned if arrival.kind == "crossing"}
    assert {line.split(",")[0] for line in potentials_of(planned).splitlines()[1:]} == crossings


def test_a_run_too_long_is_refused() -> None:
    """There are 491 regencies to cross outside Aceh; a run that needs more says so before it begins."""
    with pytest.raises(ValueError, match="no more regencies"):
        arrivals(60 * 492, seed=1)
