"""The fold of changes into counts, against the definition as semantics.md gives it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.counting.domain.counters import Dimension, Sum, Tally
from services.coverage.counting.domain.flows import FLOW_KINDS, flows_of, summed
from services.coverage.counting.domain.movements import Movement
from services.coverage.counting.domain.rollup import Rollup
from shared.contracts.changes import Change, State
from shared.contracts.snapshots import Count
from shared.regions.codes import holds, lineage_of, parent_of
from tests.factories_coverage import RECORDED_AT, VILLAGE, change, changes, counted, joined, state

MEASURES: dict[str, Any] = {"registered": lambda _: True, "active": lambda state: state.active}
DIMENSIONS: dict[Dimension, Any] = {
    "segment": lambda state: [state.segment],
    "group": lambda state: state.groups,
    "payer": lambda state: [state.payer],
    "programme": lambda state: state.programmes,
}


def tallied(some: list[Change]) -> dict[str, Tally]:
    """Return what changes come to in each region, districts among them."""
    rollup = Rollup(Sum(map(counted, some)))
    tallies = dict(rollup.above)
    for place, tally in rollup.places.items():
        if place not in rollup.above:
            for region in lineage_of(place)[:-3]:
                tallies.setdefault(region, Tally()).add(tally)
    return tallies


def counts(tallies: dict[str, Tally]) -> dict[str, tuple[int, int]]:
    """Return (registered, active) of the regions that have any."""
    return {region: (t.registered, t.active) for region, t in tallies.items() if t.registered or t.active}


def defined(some: list[Change], region: str, wanted: Any) -> int:
    """Return Σ diff × (1 if `after` counts − 1 if `before` counts): the definition, word by word."""

    def counts_in(state: State | None) -> bool:
        return state is not None and holds(region, state.region) and wanted(state)

    return sum(one.diff * (counts_in(one.after) - counts_in(one.before)) for one in some)


def regions(some: list[Change]) -> set[str]:
    """Return every region that any of the changes is about."""
    return {region for one in some for s in (one.before, one.after) if s for region in lineage_of(s.region)}


def test_the_newest_fact_of_each_source_is_remembered() -> None:
    """A retraction and the clock say nothing of a source's freshness, but all say when it was last counted."""
    later = RECORDED_AT + timedelta(seconds=9)
    some = [change(0), change(1, source="clock"), change(2, source="dinas/aceh", diff=-1, recorded_at=later)]
    tally = tallied(some)["ID"]
    assert tally.fed_at == {"bpjs/aceh": RECORDED_AT}
    assert tally.recorded_at == later


def test_a_payment_moves_the_day_of_lapse_and_nothing_else() -> None:
    """The most frequent change of all leaves no step behind."""
    paid = change(1, "paid", before=state(), after=state(lapses_on=date(2027, 7, 1)))
    added = Sum(map(counted, [*joined(1), paid]))
    assert len(added.steps) == 1
    assert [tally.due(date(2027, 12, 31)) for tally in [tallied([*joined(1), paid])[VILLAGE]]] == [
        {"2027-07-01 self ": 1}
    ]


@given(changes())
def test_every_count_is_what_the_definition_says(some: list[Change]) -> None:
    """Registered and active, in total and by segment, group, payer and programme, in every region."""
    tallies = tallied(some)
    for region in regions(some):
        tally = tallies[region]
        for measure, counts_for in MEASURES.items():
            assert getattr(tally, measure) == defined(some, region, counts_for)
        for dimension, values_of in DIMENSIONS.items():
            found = tally.by(dimension)
            for value in {v for one in some for s in (one.before, one.after) if s for v in values_of(s)}:
                registered = defined(some, region, lambda s, of=values_of, v=value: v in of(s))
                active = defined(some, region, lambda s, of=values_of, v=value: s.active and v in of(s))
                assert found.get(value, Count()) == Count(registered, active)


@given(changes())
def test_who_is_due_is_what_the_definition_says(some: list[Change]) -> None:
    """Active people with `lapses_on` on a day or before it, by payer."""
    for region, tally in tallied(some).items():
        for until in (date(2026, 12, 31), date(2027, 1, 1), date(2027, 4, 1)):
            due = {
                payer: defined(some, region, lambda s, p=payer, d=until: s.active and s.payer == p and s.lapses_on <= d)
                for payer in ("apbd_regency", "self")
            }
            assert Counter(tally.due_by_payer(until)) == Counter(due)


@given(changes(), changes())
def test_a_sum_is_additive(one: list[Change], other: list[Change]) -> None:
    """fold(a + b) = fold(a) + fold(b), so any batching gives the same counters."""
    whole, parts = Sum(map(counted, one + other)), Sum(map(counted, one))
    parts.add(map(counted, other))
    assert (parts.steps, parts.lapses, parts.last_recorded) == (whole.steps, whole.lapses, whole.last_recorded)
    together = tallied(one)
    for region, tally in tallied(other).items():
        together.setdefault(region, Tally()).add(tally)
    assert counts(together) == counts(tallied(one + other))


@given(changes().flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_order_never_matters(orders: tuple[list[Change], list[Change]]) -> None:
    """Any order of the same changes gives the same sum."""
    one, other = (Sum(map(counted, order)) for order in orders)
    assert (one.steps, one.lapses, one.last_recorded) == (other.steps, other.lapses, other.last_recorded)


@given(changes())
def test_a_parent_is_the_sum_of_its_children_and_its_unplaced(some: list[Change]) -> None:
    """At every level above the districts, which are a sum by themselves, for registered and for active."""
    tallies = tallied(some)
    for region, tally in Rollup(Sum(map(counted, some))).above.items():
        children = [below for code, below in tallies.items() if parent_of(code) == region]
        assert tally.registered == sum(t.registered for t in children) + tally.placed_here
        assert tally.active == sum(t.active for t in children) + tally.placed_here_active


@given(changes())
def test_movements_of_province_and_nation_are_the_flows_of_semantics(some: list[Change]) -> None:
    """Σ diff by kind, and by kind Σ diff × change in active; a move inside is no flow but for its activity."""
    rollup = Rollup(Sum(map(counted, some)))
    for region, movements in rollup.movements.items():
        flows = summed(flows_of((Movement(*key), n) for key, n in movements.items()), date.min, date.max)
        for kind in FLOW_KINDS:
            assert (flows[kind].registered, flows[kind].active) == defined_flow(some, region, kind)


def defined_flow(some: list[Change], region: str, kind: str) -> tuple[int, int]:
    """Return Σ diff and Σ diff × change in active of the changes that are of this kind for the region."""
    mine = [one for one in some if kind_seen(one, region) == kind]
    people = 0 if kind == "moved_within" else sum(one.diff for one in mine)
    return people, defined(mine, region, MEASURES["active"])


def kind_seen(one: Change, region: str) -> str | None:
    """Return the kind of a change as a region sees it; None where it has no part in it."""
    here = [s is not None and holds(region, s.region) for s in (one.before, one.after)]
    if not any(here):
        return None
    if one.kind != "moved":
        return str(one.kind)
    other = one.counterpart is not None and holds(region, one.counterpart)
    return "moved_within" if all(here) or other else "moved_out" if here[0] else "moved_in"
