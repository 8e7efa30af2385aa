"""What a set of facts makes of a person."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.facts import Fact, FactType
from services.registry.domain.participant import Participant, decide
from services.registry.domain.timeline import CLOCK, Transition, difference, timeline
from shared.contracts.changes import Kind
from tests.factories_registry import at, enrolled, paid, said

NOW = at("2026-11-21T10:00:00+07:00")


def kinds(transitions: list[Transition]) -> list[str]:
    return [transition.kind.value for transition in transitions]


def test_an_enrolment_with_a_payment_joins_active_until_grace_ends() -> None:
    """BPU paid through December 2023 lapses on 1 April 2024 at 00:00 in the region's zone."""
    joined, lapsed = timeline([enrolled(time="2023-12-10T08:00:00+07:00", paid_through="2023-12")], NOW)
    assert joined.after is not None
    assert (joined.kind, joined.after.active, joined.after.lapses_on) == (Kind.JOINED, True, date(2024, 4, 1))
    assert (lapsed.kind, lapsed.effective_at, lapsed.source) == (Kind.LAPSED, at("2024-04-01T00:00:00+07:00"), CLOCK)
    assert lapsed.after is not None
    assert lapsed.after.lapses_on is None


@pytest.mark.parametrize(("region", "zone"), [("11.01.02.2003", "+07:00"), ("63.10", "+08:00"), ("92.08", "+09:00")])
def test_a_lapse_falls_at_midnight_of_the_regions_own_zone(region: str, zone: str) -> None:
    """WIB, WITA and WIT people lapse one hour apart."""
    lapsed = timeline([enrolled(region=region, paid_through="2026-01")], NOW)[-1]
    assert lapsed.effective_at == at(f"2026-05-01T00:00:00{zone}")
    assert lapsed.effective_day == date(2026, 5, 1)


@pytest.mark.parametrize(("segment", "day"), [("PU", 5), ("BPU", 5), ("JAKON", 2), ("PMI", 2)])
def test_grace_depends_on_the_segment(segment: str, day: int) -> None:
    """PU and BPU stand three unpaid months, JAKON and PMI none."""
    lapsed = timeline([enrolled(segment=segment, paid_through="2026-01")], NOW)[-1]
    assert lapsed.effective_day == date(2026, day, 1)


def test_a_payment_at_the_lapse_instant_means_that_they_never_lapsed() -> None:
    """Effective before or at the lapse, however late it arrives."""
    facts = [enrolled(paid_through="2026-01"), paid("p", "2026-09", time="2026-05-01T00:00:00+07:00")]
    assert kinds(timeline(facts, NOW)) == ["joined", "paid"]


def test_a_payment_after_the_lapse_returns_them_from_its_time() -> None:
    """If it reaches far enough."""
    facts = [enrolled(paid_through="2026-01"), paid("p", "2026-09", time="2026-05-02T00:00:00+07:00")]
    assert kinds(timeline(facts, NOW)) == ["joined", "lapsed", "returned"]
    short = [enrolled(paid_through="2026-01"), paid("p", "2026-03", time="2026-08-02T00:00:00+07:00")]
    assert kinds(timeline(short, NOW)) == ["joined", "lapsed", "paid"]


def test_the_first_payment_of_someone_never_active_activates() -> None:
    """`activated` is not → active, first since joined."""
    facts = [enrolled(), paid("p", "2026-12")]
    assert kinds(timeline(facts, NOW)) == ["joined", "activated"]


def test_a_payment_before_the_enrolment_counts_from_it_with_the_enrolments_payer() -> None:
    """Its month waits; its payer does not."""
    facts = [paid("p", "2026-12", time="2026-01-01T00:00:00+07:00", payer="csr"), enrolled()]
    (joined,) = timeline(facts, NOW)
    assert joined.after is not None
    assert (joined.after.active, joined.after.paid_through, joined.after.payer) == (True, "2026-12", "self")


def test_a_payment_sets_the_payer_only_if_it_raises_the_month() -> None:
    """A payment for months already paid changes nothing."""
    facts = [enrolled(paid_through="2026-12"), paid("p", "2026-10", payer="csr"), paid("q", "2026-12", payer="csr")]
    assert kinds(timeline(facts, NOW)) == ["joined"]
    raised = timeline([*facts, paid("r", "2027-01", payer="csr")], NOW)[-1]
    assert raised.after is not None
    assert (raised.kind, raised.after.payer) == (Kind.RECLASSIFIED, "csr")


def test_a_second_enrolment_changes_attributes_and_stays_one_person() -> None:
    """Another card, another source: still one person, with the latest attributes."""
    facts = [
        enrolled(paid_through="2026-12", groups=("vulnerable",)),
        enrolled("f-2", "2026-02-01T00:00:00+07:00", source="dinas/aceh", region="12.01", segment="PU"),
    ]
    moved = timeline(facts, NOW)[-1]
    assert moved.after is not None
    assert (moved.kind, moved.after.region, moved.after.groups) == (Kind.MOVED, "12.01", ())
    assert (moved.after.payer, moved.after.paid_through) == ("employer", "2026-12")


def test_facts_of_one_instant_make_one_transition_of_the_last_facts_source() -> None:
    """Enrolment before payment, whatever order they came in."""
    time = "2026-01-10T08:00:00+07:00"
    (joined,) = timeline([paid("p", "2026-12", time=time, source="dinas/aceh"), enrolled(time=time)], NOW)
    assert joined.after is not None
    assert (joined.kind, joined.after.active, joined.source) == (Kind.JOINED, True, "dinas/aceh")


def test_a_fact_of_the_future_waits_for_the_clock() -> None:
    """It is accepted, takes effect when the clock reaches it, and is due then."""
    coming = enrolled(time="2026-12-01T00:00:00+07:00")
    person, deltas = decide(Participant("p"), [coming], (), NOW)
    assert (deltas, person.due_at) == ([], coming.effective_at)
    _, later = decide(person, [coming], (), coming.effective_at)
    assert kinds([delta.transition for delta in later]) == ["joined"]


def test_an_effective_day_never_precedes_the_one_before() -> None:
    """Moving west late in the evening does not go back a day."""
    facts = [
        enrolled(region="92.08", time="2026-01-10T00:30:00+09:00"),
        enrolled("f-2", "2026-01-09T22:45:00+07:00", region="11.01"),
    ]
    assert [transition.effective_day for transition in timeline(facts, NOW)] == [date(2026, 1, 10), date(2026, 1, 10)]


def test_programmes_given_as_none_stay_none() -> None:
    """Absent means JKK and JKM; an empty list means none."""
    (absent,) = timeline([enrolled()], NOW)
    (none,) = timeline([enrolled(programmes=())], NOW)
    assert absent.after is not None
    assert none.after is not None
    assert (absent.after.programmes, none.after.programmes) == (("JKK", "JKM"), ())


def test_an_ended_person_is_neither_registered_nor_active_and_what_was_paid_is_forgotten() -> None:
    """A later enrolment starts anew, unpaid."""
    facts = [
        enrolled(paid_through="2026-12"),
        said(FactType.ENDED, "e", "2026-03-01T00:00:00+07:00"),
        enrolled("f-2", "2026-04-01T00:00:00+07:00"),
    ]
    transitions = timeline(facts, NOW)
    assert kinds(transitions) == ["joined", "ended", "rejoined"]
    again = transitions[-1].after
    assert again is not None
    assert (again.active, again.paid_through) == (False, None)


def test_an_end_forgets_a_payment_that_waited_for_an_enrolment() -> None:
    """Only payments since the last end count from the enrolment on."""
    facts = [
        paid("p", "2026-12", time="2026-01-01T00:00:00+07:00"),
        said(FactType.ENDED, "e", "2026-01-02T00:00:00+07:00"),
        enrolled(),
    ]
    (joined,) = timeline(facts, NOW)
    assert joined.after is not None
    assert joined.after.paid_through is None


def test_an_end_and_an_enrolment_at_one_instant_leave_the_person_registered() -> None:
    """`ended` is applied first, and together they make one transition."""
    time = "2026-03-01T00:00:00+07:00"
    facts = [enrolled(paid_through="2026-12"), said(FactType.ENDED, "e", time), enrolled("f-2", time)]
    last = timeline(facts, NOW)[-1]
    assert last.after is not None
    assert (last.kind, last.after.paid_through) == (Kind.LAPSED, None)


def test_relocation_and_reclassification_touch_only_what_they_name() -> None:
    """And do nothing to someone who is not registered."""
    moved = said(FactType.RELOCATED, "m", "2026-03-01T00:00:00+07:00", region="11.02")
    classed = said(FactType.RECLASSIFIED, "c", "2026-04-01T00:00:00+07:00", payer="csr")
    assert timeline([moved, classed], NOW) == []
    _, at_move, at_class = timeline([enrolled(paid_through="2026-12", groups=("vulnerable",)), moved, classed], NOW)
    assert at_move.after is not None
    assert at_class.after is not None
    assert (at_move.kind, at_move.after.region, at_move.after.groups) == (Kind.MOVED, "11.02", ("vulnerable",))
    assert (at_class.kind, at_class.after.payer, at_class.after.region) == (Kind.RECLASSIFIED, "csr", "11.02")


def test_a_new_segment_drops_programmes_that_it_does_not_allow() -> None:
    """PU to BPU loses JP and JKP and keeps JHT."""
    facts = [
        enrolled(segment="PU", programmes=("JHT", "JKK", "JKM", "JKP", "JP")),
        said(FactType.RECLASSIFIED, "c", "2026-04-01T00:00:00+07:00", segment="BPU"),
    ]
    after = timeline(facts, NOW)[-1].after
    assert after is not None
    assert (after.segment, after.programmes) == ("BPU", ("JHT", "JKK", "JKM"))


def test_a_new_segment_brings_its_own_grace() -> None:
    """JAKON has none: whoever becomes JAKON may lapse at that instant."""
    facts = [
        enrolled(paid_through="2026-01"),
        said(FactType.RECLASSIFIED, "c", "2026-03-05T00:00:00+07:00", segment="JAKON"),
    ]
    assert kinds(timeline(facts, NOW)) == ["joined", "lapsed"]


months = st.integers(2024 * 12, 2027 * 12).map(lambda n: f"{n // 12}-{n % 12 + 1:02d}")
times = st.datetimes(at("2024-01-01T00:00:00+00:00").replace(tzinfo=None), NOW.replace(tzinfo=None)).map(
    lambda moment: moment.replace(tzinfo=NOW.tzinfo, microsecond=0)
)
sources = st.sampled_from(["bpjs/aceh", "dinas/aceh"])


regions = st.sampled_from(["11.01.02.2003", "11.02", "63.10", "92.08"])
segments = st.sampled_from(["PU", "BPU", "JAKON", "PMI"])
named: dict[FactType, dict[str, st.SearchStrategy[Any]]] = {
    FactType.ENROLLED: {"region": regions, "segment": segments, "paid_through": st.none() | months},
    FactType.CONTRIBUTION_PAID: {"paid_through": months, "payer": st.none() | st.just("csr")},
    FactType.RELOCATED: {"region": regions},
    FactType.RECLASSIFIED: {"segment": st.none() | segments, "payer": st.just("self")},
    FactType.ENDED: {},
}


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Up to eight facts of one person, enrolments and payments the more frequent."""
    often = [FactType.ENROLLED, FactType.ENROLLED, FactType.CONTRIBUTION_PAID, *FactType]
    facts: list[Fact] = []
    for number in range(draw(st.integers(1, 8))):
        type_ = draw(st.sampled_from(often))
        over = {name: draw(strategy) for name, strategy in named[type_].items()}
        facts.append(said(type_, f"f{number}", draw(times).isoformat(), source=draw(sources), **over))
    return facts


def summed(runs: list[tuple[list[Fact], int]]) -> tuple[dict[Transition, int], Participant]:
    """Feed facts in the groups given, each at its offset from NOW, and sum the published diffs by transition."""
    person, sums = Participant("p"), dict[Transition, int]()
    for facts, offset in runs:
        person, deltas = decide(person, [*person.facts, *facts], (), NOW + timedelta(seconds=offset))
        for delta in deltas:
            sums[delta.transition] = sums.get(delta.transition, 0) + delta.diff
            assert sums[delta.transition] in (0, 1)
    return sums, person


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_order_of_arrival_never_matters(facts: list[Fact], chance: random.Random, size: int) -> None:
    """Any order, in groups of any size: the published differences sum to the timeline of the whole set."""
    shuffled = facts[:]
    chance.shuffle(shuffled)
    groups = [(shuffled[start : start + size], start) for start in range(0, len(shuffled), size)]
    sums, person = summed(groups)
    standing = {transition for transition, count in sums.items() if count}
    clock = person.decided_at
    assert clock is not None
    assert standing == set(timeline(facts, clock))


@given(histories(), st.lists(st.integers(0, 400), max_size=4))
def test_ticks_of_the_clock_at_any_moments_give_the_same_end(facts: list[Fact], days: list[int]) -> None:
    """Lapses are effective at their own instant, however late or often the clock is swept."""
    end = 400 * 86400
    ticks: list[tuple[list[Fact], int]] = [([], day * 86400) for day in sorted(days)]
    often, _ = summed([(facts, 0), *ticks, ([], end)])
    once, _ = summed([(facts, end)])
    assert {t for t, n in often.items() if n} == {t for t, n in once.items() if n}


@given(histories())
def test_each_transition_starts_where_the_one_before_ended(facts: list[Fact]) -> None:
    """Before and after chain without a break, and days never go back."""
    transitions = timeline(facts, NOW)
    for one, next_ in itertools.pairwise(transitions):
        assert one.after == next_.before
        assert one.effective_at < next_.effective_at
        assert one.effective_day <= next_.effective_day


@given(histories(), histories(), st.integers(0, 8), st.integers(0, 900), st.integers(0, 900))
def test_two_timelines_walked_together_are_those_walked_apart(
    one: list[Fact], other: list[Fact], kept: int, one_day: int, other_day: int
) -> None:
    """Whatever the two sets have in common, and wherever the two clocks stand."""
    start = at("2024-01-01T00:00:00+00:00")
    until, later = start + timedelta(days=one_day), start + timedelta(days=other_day)
    new = [*one[:kept], *other]
    made = difference(one, until, new, later)
    assert [*made.shared, *made.old] == timeline(one, until)
    assert [*made.shared, *made.new] == timeline(new, later)
