"""The fold of changes into counts."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.domain.counters import Tally, fold
from shared.contracts.changes import Change
from shared.regions.codes import parent_of
from tests.factories_coverage import OTHER_REGENCY, RECORDED_AT, VILLAGE, change, changes, joined, state


def added(*folds: dict[str, Tally]) -> dict[str, Tally]:
    """Return the sum of folds, region by region."""
    total: dict[str, Tally] = {}
    for one in folds:
        for region, tally in one.items():
            total.setdefault(region, Tally()).add(tally)
    return total


def counts(tallies: dict[str, Tally]) -> dict[str, tuple[int, int]]:
    """Return (registered, active) of the regions that have any."""
    return {region: (t.registered, t.active) for region, t in tallies.items() if t.registered or t.active}


def test_a_person_counts_in_every_region_above_their_place() -> None:
    """Village, district, regency, province and nation each count them once."""
    assert counts(fold(joined(1))) == dict.fromkeys([VILLAGE, "11.01.02", "11.01", "11", "ID"], (1, 1))


def test_a_lapse_takes_active_only() -> None:
    """Who lapses stays registered."""
    lapsed = change(1, "lapsed", before=state(), after=state(active=False))
    assert counts(fold([*joined(1), lapsed]))["ID"] == (1, 0)


def test_a_change_taken_back_leaves_nothing() -> None:
    """A transition and its retraction come to zero everywhere."""
    assert counts(fold([change(0), change(1, diff=-1)])) == {}


def test_people_without_a_lower_place_are_unplaced() -> None:
    """Who is known by regency only counts there as placed here, and above as below."""
    tallies = fold([*joined(2, "11.01", active=False), *joined(1)])
    assert (tallies["11.01"].registered, tallies["11.01"].placed_here) == (3, 2)
    assert (tallies["11.01"].active, tallies["11.01"].placed_here_active) == (1, 0)
    assert tallies["11"].placed_here == 0


def test_the_newest_fact_of_each_source_is_remembered() -> None:
    """A retraction and the clock say nothing of a source's freshness, but all say when it was last counted."""
    later = RECORDED_AT + timedelta(seconds=9)
    tally = fold([change(0), change(1, source="clock"), change(2, source="dinas/aceh", diff=-1, recorded_at=later)])[
        "ID"
    ]
    assert tally.fed_at == {"bpjs/aceh": RECORDED_AT}
    assert tally.recorded_at == later


@given(changes(), changes())
def test_fold_is_additive(one: list[Change], other: list[Change]) -> None:
    """fold(a + b) = fold(a) + fold(b), so any batching gives the same counters."""
    assert fold(one + other) == added(fold(one), fold(other))


@given(changes().flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_order_never_matters(orders: tuple[list[Change], list[Change]]) -> None:
    """Any order of the same changes gives the same counters."""
    assert fold(orders[0]) == fold(orders[1])


@given(changes())
def test_a_parent_is_the_sum_of_its_children_and_its_unplaced(some: list[Change]) -> None:
    """At every level, for registered and for active."""
    tallies = fold(some)
    for region, tally in tallies.items():
        children = [below for code, below in tallies.items() if parent_of(code) == region]
        assert tally.registered == sum(t.registered for t in children) + tally.placed_here
        assert tally.active == sum(t.active for t in children) + tally.placed_here_active


def test_a_move_across_regencies_leaves_the_province_as_it_was() -> None:
    """Two halves: the old regency loses, the new gains, the province keeps."""
    out = change(1, "moved", before=state(), after=None, counterpart=OTHER_REGENCY)
    in_ = change(2, "moved", before=None, after=state(OTHER_REGENCY), counterpart=VILLAGE)
    tallies = counts(fold([*joined(1), out, in_]))
    assert "11.01" not in tallies
    assert tallies["11.02"] == tallies["11"] == tallies["ID"] == (1, 1)
