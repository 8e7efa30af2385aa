from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report import Spread, against

durations = st.lists(st.floats(0.001, 60), min_size=1, max_size=500)


@given(durations)
def test_percentiles_are_durations_that_were_measured(seconds: list[float]) -> None:
    """Nearest rank: at least half, and 99 of a hundred, took no longer; nothing is interpolated."""
    spread = Spread.of(seconds)
    ms = [round(second * 1000, 3) for second in seconds]
    assert {spread.p50_ms, spread.p99_ms} <= set(ms)
    assert sum(one <= spread.p50_ms for one in ms) * 2 >= len(ms)
    assert sum(one <= spread.p99_ms for one in ms) * 100 >= len(ms) * 99


def test_of_a_hundred_the_p99_is_the_second_slowest() -> None:
    """1 to 100 ms: p50 is 50 ms, p99 is 99 ms."""
    assert Spread.of([n / 1000 for n in range(100, 0, -1)]) == Spread(100, 50.0, 95.0, 99.0)


def test_nothing_measured_is_an_error() -> None:
    """A benchmark that saw nothing must not print a zero."""
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


def test_the_limit_is_the_sum_of_the_hops() -> None:
    """A hop that is passed twice counts twice, and the ratios are against the sum."""
    limits = {"a": Spread(9, 1.0, 1.5, 2.0), "b": Spread(7, 3.0, 3.5, 4.0)}
    compared = against(Spread(5, 10.0, 20.0, 40.0), ["a", "b", "a"], limits)
    assert compared.limit == Spread(7, 5.0, 6.5, 8.0)
    assert (compared.ratio_p50, compared.ratio_p99) == (2.0, 5.0)
