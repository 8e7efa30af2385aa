from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.sample.figures import Figures, allot

weights = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 10_000), min_size=1, max_size=30).filter(
    lambda found: sum(found.values()) > 0
)


def test_the_sample_is_aceh_at_one_to_a_hundred() -> None:
    """6,517 of 17,109 is 38.09 %, and 327 more is the first whole person at 40 %."""
    figures = Figures.at(100)
    assert (figures.potential, figures.registered, figures.rise, figures.risen) == (17_109, 6_517, 327, 6_844)
    assert round(figures.registered / figures.potential, 4) == 0.3809


@given(one_to=st.integers(10, 20_000))
def test_the_rise_ends_on_the_first_person_at_forty_per_cent(one_to: int) -> None:
    """At any scale the risen population meets 40 %, and one person less does not."""
    figures = Figures.at(one_to)
    assert figures.risen * 10 >= figures.potential * 4 > (figures.risen - 1) * 10


@given(total=st.integers(0, 100_000), weights=weights)
def test_shares_sum_to_the_total(total: int, weights: dict[str, int]) -> None:
    """Shares are whole, sum to the total and stray less than one from their proportion."""
    shares = allot(total, weights)
    assert sum(shares.values()) == total
    whole = sum(weights.values())
    assert all(abs(shares[key] * whole - total * weights[key]) < whole for key in weights)
