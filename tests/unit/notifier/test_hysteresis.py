"""Laws of the hysteresis: each crossing once, nothing inside the band, both levels held."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import RAISED, Decision, Observation, Phase, Reason, RuleState, decide
from services.notifier.domain.rules import Rule, Side
from tests.factories_notifier import NOW, below, rule

HOLD = timedelta(minutes=10)
STEPS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 20)), max_size=40)
"""Active of a hundred, and the minutes since the step before."""
RULES = st.sampled_from([rule(), rule(hold_for=HOLD), below(), below(hold_for=HOLD)])


def played(of: Rule, steps: list[tuple[int, int]]) -> list[tuple[RuleState, Side, Decision]]:
    """Return the state before, the side and the decision of every step."""
    state, now, story = RuleState(), NOW, []
    for active, minutes in steps:
        now += timedelta(minutes=minutes)
        figure = Figure(active, 100)
        decision = decide(of, state, Observation(figure), now)
        story.append((state, of.side(figure), decision))
        state = decision.state
    return story


@given(RULES, STEPS)
def test_raised_and_cleared_take_turns(of: Rule, steps: list[tuple[int, int]]) -> None:
    """No transition is repeated; each raise begins the next episode."""
    crossings = [d for _, _, d in played(of, steps) if d.reason in (Reason.RAISED, Reason.CLEARED)]
    expected = [Reason.RAISED, Reason.CLEARED] * len(crossings)
    assert [decision.reason for decision in crossings] == expected[: len(crossings)]
    assert [decision.state.episode for decision in crossings] == [n // 2 + 1 for n in range(len(crossings))]


@given(RULES, STEPS)
def test_inside_the_band_nothing_is_raised_or_cleared(of: Rule, steps: list[tuple[int, int]]) -> None:
    """Whether an alert stands changes only on the side that is for it."""
    for before, side, decision in played(of, steps):
        if (before.phase in RAISED) != (decision.state.phase in RAISED):
            assert side is (Side.CLEAR if before.phase in RAISED else Side.RAISE)


@given(RULES, STEPS)
def test_an_alert_needs_its_side_for_the_whole_hold_time(of: Rule, steps: list[tuple[int, int]]) -> None:
    """From the first figure on that side to the one that raises, without another between, it is no less."""
    now, since = NOW, None
    for (_, side, decision), (_, minutes) in zip(played(of, steps), steps, strict=True):
        now += timedelta(minutes=minutes)
        since = (since or now) if side is Side.RAISE else None
        if decision.reason is Reason.RAISED:
            assert since is not None
            assert now - since >= of.hold_for


@given(RULES, STEPS, st.integers(0, 100))
def test_the_same_observation_again_moves_nothing(of: Rule, steps: list[tuple[int, int]], active: int) -> None:
    """At the same instant; a duplicate makes no second transition."""
    state = played(of, steps)[-1][2].state if steps else RuleState()
    now = NOW + timedelta(days=1)
    observation = Observation(Figure(active, 100))
    once = decide(of, state, observation, now)
    twice = decide(of, once.state, observation, now)
    assert (twice.state, twice.reason in (Reason.RAISED, Reason.CLEARED)) == (once.state, False)


@given(RULES, STEPS)
def test_what_says_nothing_decides_nothing(of: Rule, steps: list[tuple[int, int]]) -> None:
    """No denominator, or old changes still to come: the state is as it was, whatever it was."""
    state = played(of, steps)[-1][2].state if steps else RuleState()
    late = NOW + timedelta(days=1)
    assert decide(of, state, Observation(None), late) == Decision(state, Reason.NO_DENOMINATOR)
    behind = Observation(Figure(50, 100), catching_up=True)
    assert decide(of, state, behind, late) == Decision(state, Reason.CATCHING_UP)


@pytest.mark.parametrize(
    ("of", "raises", "band", "clears"),
    [(rule(), 40, 39, 38), (below(), 34, 35, 36)],
    ids=["above", "below"],
)
def test_the_levels_themselves(of: Rule, raises: int, band: int, clears: int) -> None:
    """Above: raised at 40 %, cleared under 39 %. Below: raised under 35 %, cleared at 36 %."""
    sides = [of.side(Figure(active, 100)) for active in (raises, band, clears)]
    assert sides == [Side.RAISE, Side.BAND, Side.CLEAR]


def test_a_timeline_with_a_hold_time() -> None:
    """Ok, pending, firing, recovering, ok; what breaks a hold starts it anew."""
    steps = [(38, 0), (40, 1), (39, 1), (40, 1), (41, 9), (40, 1), (39, 1), (38, 1), (39, 1), (38, 1), (38, 10)]
    story = [(decision.state.phase, decision.reason) for _, _, decision in played(rule(hold_for=HOLD), steps)]
    assert story == [
        (Phase.OK, Reason.UNCHANGED),
        (Phase.PENDING, Reason.HOLD_STARTED),
        (Phase.OK, Reason.HOLD_BROKEN),
        (Phase.PENDING, Reason.HOLD_STARTED),
        (Phase.PENDING, Reason.HOLDING),
        (Phase.FIRING, Reason.RAISED),
        (Phase.FIRING, Reason.IN_BAND),
        (Phase.RECOVERING, Reason.HOLD_STARTED),
        (Phase.FIRING, Reason.HOLD_BROKEN),
        (Phase.RECOVERING, Reason.HOLD_STARTED),
        (Phase.OK, Reason.CLEARED),
    ]
