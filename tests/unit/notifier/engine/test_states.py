"""alerts.md, "State": ok → pending → firing → recovering → ok, each move at its instant and for its reason."""

from __future__ import annotations

import pytest

from services.notifier.engine.engine import Engine, TimeWentBack
from services.notifier.engine.events import OfficialsGiven, RegionRetired, RulesGiven, Tick
from services.notifier.engine.world import Key, World
from tests.alerts_trace import NIGHT, at, lines_of, moved, official, potential, read_all, rule, snap, told, traced

G = [official("g")]
HOUR = 60
DAY = 24 * HOUR


def test_with_no_time_to_hold_it_goes_straight_through() -> None:
    """A time of 0s makes one move, from ok to firing and back to ok."""
    assert moved([rule()], snap(0, 39), snap(1, 45)) == [
        "0 ok>firing raised low/11#1", "1 firing>ok recovered low/11#1",
    ]  # fmt: skip


def test_time_raises_at_the_first_instant_at_which_the_hold_is_over() -> None:
    """Pending fires at exactly `hold_for`, though nothing is read then."""
    assert moved([rule(hold_for="1h")], snap(0, 39), at(200)) == [
        "0 ok>pending hold_started low/11", "60 pending>firing raised low/11#1",
    ]  # fmt: skip


def test_a_millisecond_less_than_the_hold_is_not_enough() -> None:
    """One millisecond before `hold_for` it is still pending."""
    assert moved([rule(hold_for="1h")], snap(0, 39), at(60 - 1 / 60_000)) == ["0 ok>pending hold_started low/11"]


def test_pending_elsewhere_is_ok_again() -> None:
    """The band breaks the hold, and the next one starts anew."""
    assert moved([rule(hold_for="1h")], snap(0, 39), snap(30, 40), snap(50, 39), at(109)) == [
        "0 ok>pending hold_started low/11", "30 pending>ok hold_broken low/11", "50 ok>pending hold_started low/11",
    ]  # fmt: skip


def test_another_figure_on_the_raise_side_does_not_begin_the_hold_anew() -> None:
    """Pending stays pending, and nothing is said of it."""
    assert moved([rule(hold_for="1h")], snap(0, 39), snap(10, 38), at(60)) == [
        "0 ok>pending hold_started low/11", "60 pending>firing raised low/11#1",
    ]  # fmt: skip


def test_recovering_elsewhere_is_firing_again_and_nobody_is_told() -> None:
    """A broken clearing goes on with the same episode."""
    events = [snap(0, 39), snap(10, 45), snap(20, 44), snap(30, 45), at(100)]
    assert moved([rule(clear_for="1h")], *events) == [
        "0 ok>firing raised low/11#1", "10 firing>recovering clear_started low/11#1",
        "20 recovering>firing clear_broken low/11#1", "30 firing>recovering clear_started low/11#1",
        "90 recovering>ok recovered low/11#1",
    ]  # fmt: skip
    assert told([rule(clear_for="1h")], G, *events) == ["0 raised g low/11#1", "90 recovered g low/11#1"]


def test_another_clear_figure_does_not_begin_the_clearing_anew() -> None:
    """The alert ends `clear_for` after the first of them."""
    assert moved([rule(clear_for="1h")], snap(0, 39), snap(10, 45), snap(20, 46), at(100))[1:] == [
        "10 firing>recovering clear_started low/11#1", "70 recovering>ok recovered low/11#1",
    ]  # fmt: skip


def test_an_event_at_the_instant_of_a_move_comes_after_it() -> None:
    """At one instant time moves first: the hold is over before the snapshot that would break it."""
    assert moved([rule(hold_for="1h")], snap(0, 39), snap(60, 50)) == [
        "0 ok>pending hold_started low/11", "60 pending>firing raised low/11#1", "60 firing>ok recovered low/11#1",
    ]  # fmt: skip


def test_the_band_moves_nothing() -> None:
    """Between the lines ok stays ok and firing stays firing."""
    assert moved([rule()], snap(0, 42), snap(1, 39), snap(2, 44)) == ["1 ok>firing raised low/11#1"]


def test_both_lines_may_be_equal() -> None:
    """Without a band x is on one side or the other."""
    assert moved([rule(clear_at="0.40")], snap(0, 39), snap(1, 40)) == [
        "0 ok>firing raised low/11#1", "1 firing>ok recovered low/11#1",
    ]  # fmt: skip


def test_episodes_are_numbered_on() -> None:
    """Each raise begins another episode; a rule that was removed goes on counting."""
    events = [snap(0, 39), snap(1, 45), snap(2, 39), at(3, rules={"rules": []}), at(4, rules={"rules": [rule()]})]
    assert [move for move in moved([rule()], *events) if "raised" in move] == [
        "0 ok>firing raised low/11#1", "2 ok>firing raised low/11#2", "4 ok>firing raised low/11#3",
    ]  # fmt: skip


@pytest.mark.parametrize("between", [snap(30, None), snap(30, 50, catching_up=True), snap(30, 39, catching_up=True)])
def test_unknown_and_catching_up_move_nothing(between: dict[str, object]) -> None:
    """`since` stays: when x is known again the hold has gone on."""
    assert moved([rule(hold_for="1h")], snap(0, 39), between, snap(70, 39)) == [
        "0 ok>pending hold_started low/11", "70 pending>firing raised low/11#1",
    ]  # fmt: skip


def test_a_message_that_waits_for_morning_moves_nothing_where_the_region_is_catching_up() -> None:
    """The hold is over before the end of an earlier alert is told, and fires once the region has caught up."""
    events = [snap(-150, 39), snap(0, 50), snap(5, 39), snap(10, 39, catching_up=True), at(60), snap(70, 39)]
    people = [official("g", quiet_hours=NIGHT)]
    assert told([rule(hold_for="30m")], people, *events, moves=True)[-4:] == [
        "5 ok>pending hold_started low/11", "60 recovered g low/11#1",
        "70 pending>firing raised low/11#2", "70 raised g low/11#2",
    ]  # fmt: skip


def test_a_snapshot_that_is_not_newer_is_ignored() -> None:
    """Newer is by position, then by as_of."""
    older, same = snap(2, 50, position=4), snap(3, 50, position=5, as_of=1)
    assert moved([rule()], snap(1, 39, position=5), older, same, snap(4, 50, position=5)) == [
        "1 ok>firing raised low/11#1", "4 firing>ok recovered low/11#1",
    ]  # fmt: skip


def test_a_snapshot_is_judged_at_its_own_instant_but_never_after_the_clock() -> None:
    """An as_of of the future counts as now, one of the past holds from then on."""
    late = [rule(hold_for="1h")]
    assert moved(late, snap(100, 39, as_of=50), at(109), at(110))[-1] == "110 pending>firing raised low/11#1"
    assert moved(late, snap(100, 39, as_of=400), at(160))[-1] == "160 pending>firing raised low/11#1"


def test_t_never_goes_back_before_the_last_judgement_there() -> None:
    """A snapshot that was counted before time raised the rule is judged at the raise's instant."""
    events = [snap(0, 39), snap(200, 50, as_of=30), at(210)]
    assert moved([rule(hold_for="1h", clear_for="150m")], *events)[1:] == [
        "60 pending>firing raised low/11#1", "200 firing>recovering clear_started low/11#1",
        "210 recovering>ok recovered low/11#1",
    ]  # fmt: skip
    given = at(100, rules={"rules": [rule(clear_for="150m")]})
    assert moved([], snap(0, 39), given, snap(200, 50, as_of=30), at(250))[1:] == [
        "200 firing>recovering clear_started low/11#1", "250 recovering>ok recovered low/11#1",
    ]  # fmt: skip
    lines = traced([rule(hold_for="1h")], [], [snap(0, 39), snap(200, 50, as_of=30)])
    assert [(line["at"][11:16], line["t"][11:16]) for line in lines if line["what"] == "move"] == [
        ("10:00", "10:00"), ("11:00", "11:00"), ("13:20", "11:00"),
    ]  # fmt: skip


def test_t_never_goes_back_before_the_closing_as_unknown() -> None:
    """A snapshot that was counted before it is judged at its instant."""
    lines = traced([rule()], [], [snap(0, 39), snap(10, None), snap(8 * DAY, 39, as_of=20)])
    assert [(line["t"][8:16], line["reason"]) for line in lines if line["what"] == "move"] == [
        ("03T10:00", "raised"), ("10T10:10", "unknown"), ("10T10:10", "raised"),
    ]  # fmt: skip


def test_a_new_rule_judges_what_is_known_at_once() -> None:
    """The newest snapshot of every region in its scope is judged when the rules come, at the clock."""
    events = [snap(0, 39), at(30, rules={"rules": [rule(hold_for="1h")]}), at(90)]
    assert moved([], *events) == ["30 ok>pending hold_started low/11", "90 pending>firing raised low/11#1"]


def test_a_changed_rule_judges_at_once_and_keeps_the_state() -> None:
    """A line that moves raises at once; another title moves nothing."""
    higher = rule(raise_below="0.50", clear_at="0.50")
    again = {**higher, "title": {"id": "a", "en": "b"}}
    events = [snap(0, 45), at(10, rules={"rules": [higher]}), at(20, rules={"rules": [again]})]
    assert moved([rule()], *events) == ["10 ok>firing raised low/11#1"]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [([], "rule_removed"), ([rule(levels=["regency"])], "out_of_scope"), ([rule(regions=["63"])], "out_of_scope")],
)
def test_what_is_no_longer_watched_is_closed_without_a_message(rules: list[dict[str, object]], reason: str) -> None:
    """The state is ok; nobody hears; a pending state has no episode."""
    assert moved([rule()], snap(0, 39), at(10, rules={"rules": rules}))[1:] == [f"10 firing>ok {reason} low/11#1"]
    assert told([rule()], G, snap(0, 39), at(10, rules={"rules": rules})) == ["0 raised g low/11#1"]
    held = rule(hold_for="1h")
    assert moved([held], snap(0, 39), at(10, rules={"rules": rules}))[1:] == [f"10 pending>ok {reason} low/11"]


def test_seven_days_without_x_close_and_tell() -> None:
    """Counted from the first of consecutive judgements without x; those told hear of it."""
    events = [snap(0, 39), snap(10, None), snap(500, None), at(7 * DAY + 10)]
    assert told([rule()], G, *events, moves=True) == [
        "0 ok>firing raised low/11#1", "0 raised g low/11#1",
        "10090 firing>ok unknown low/11#1", "10090 recovered g low/11#1",
    ]  # fmt: skip
    assert moved([rule()], snap(0, 39), snap(10, None), snap(500, 41), snap(600, None), at(7 * DAY + 599)) == [
        "0 ok>firing raised low/11#1"
    ]


def test_closing_as_unknown_waits_for_catching_up() -> None:
    """It comes once the region has caught up, if x is unknown still."""
    events = [snap(0, 39), snap(10, None), snap(20, None, catching_up=True), at(8 * DAY), snap(9 * DAY, None)]
    assert moved([rule()], *events)[1:] == ["12960 firing>ok unknown low/11#1"]


def test_first_sight_quiet_tells_nobody() -> None:
    """What is on the raise side at first sight fires at once, and neither its raise nor its end is told."""
    quiet = rule(
        first_sight="quiet", hold_for="1h", repeat_every="1h", escalate=[{"after": "1h", "hears": ["gubernur"]}]
    )
    events = [snap(0, 39), at(300), snap(400, 50), snap(500, 39), at(560)]
    assert told([quiet], G, *events, moves=True) == [
        "0 ok>firing raised low/11#1", "400 firing>ok recovered low/11#1", "500 ok>pending hold_started low/11",
        "560 pending>firing raised low/11#2", "560 raised g low/11#2",
    ]  # fmt: skip


def test_a_quiet_alert_stays_quiet_when_the_end_of_an_earlier_one_is_told() -> None:
    """That end waits for morning; the quiet alert began meanwhile, and a step of its escalation would be due."""
    quiet = rule(first_sight="quiet", escalate=[{"after": "1m", "hears": ["kemnaker"]}])
    people = [official("g", quiet_hours=NIGHT), official("k", "kemnaker", "ID")]
    events = [snap(-200, 50), snap(-190, 39), snap(-5, None), snap(7 * DAY, 39), at(7 * DAY + 60)]
    assert told([quiet], people, *events) == [
        "-190 raised g low/11#1", "-189 escalated k low/11#1", "10075 quiet_hours recovered g low/11#1",
        "10075 recovered k low/11#1", "10140 recovered g low/11#1",
    ]  # fmt: skip


def test_first_sight_is_the_first_known_x_while_not_catching_up() -> None:
    """An unknown x and a region that is catching up do not use it up; a clear one does."""
    quiet = rule(first_sight="quiet")
    assert told([quiet], G, snap(0, None), snap(1, 30, catching_up=True), snap(2, 39)) == []
    assert told([quiet], G, snap(0, 50), snap(1, 39)) == ["1 raised g low/11#1"]


@pytest.mark.parametrize("away", [[], [rule(first_sight="quiet", levels=["regency"])]])
def test_closing_makes_first_sight_anew(away: list[dict[str, object]]) -> None:
    """A rule that comes back, and a region that comes back into scope, are seen first again."""
    quiet = rule(first_sight="quiet")
    assert (
        told([quiet], G, snap(0, 50), at(1, rules={"rules": away}), snap(2, 39), at(3, rules={"rules": [quiet]})) == []
    )


def test_unknown_makes_first_sight_anew() -> None:
    """After an alert was closed as unknown, the next known x is quiet."""
    quiet = rule(first_sight="quiet")
    events = [snap(0, 50), snap(1, 39), snap(2, None), snap(8 * DAY, 30), snap(8 * DAY + 1, 50)]
    assert told([quiet], G, *events) == ["1 raised g low/11#1", "10082 recovered g low/11#1"]


@pytest.mark.parametrize(
    ("before", "because"),
    [(potential(100), False), (potential(80), True), (potential(0), True), ({}, True), (None, False)],
)
def test_a_raise_that_only_the_potential_made_says_so(before: dict[str, object] | None, because: bool) -> None:
    """With the denominator of the snapshot before, 39 people of 80 are no raise; a missing one or 0 counts likewise."""
    earlier = [] if before is None else [snap(0, 50, potential=before)]
    said = " because potential" if because else ""
    assert moved([rule()], *earlier, snap(10, 39)) == [f"10 ok>firing raised low/11#1{said}"]
    assert told([rule()], G, *earlier, snap(10, 39)) == [f"10 raised g low/11#1{said}"]


def test_over_a_potential_of_one_nobody_is_a_raise_too() -> None:
    """The smallest potential is one like any other."""
    assert moved([rule()], snap(0, 1, potential=potential(1)), snap(10, 0)) == ["10 ok>firing raised low/11#1"]


def test_the_potential_counts_when_ok_is_left() -> None:
    """What happens while it is pending does not change why it was left."""
    events = [snap(0, 50, potential=potential(80)), snap(10, 39), snap(20, 39, potential=potential(120)), at(70)]
    assert moved([rule(hold_for="1h")], *events)[-1] == "70 pending>firing raised low/11#1 because potential"


def test_of_a_number_of_people_no_potential_is_the_reason() -> None:
    """Only `threshold` and `fall` have a potential as their denominator."""
    people = rule(kind="people", raise_below="40", clear_at="45")
    assert moved([people], snap(0, 50, potential=potential(80)), snap(10, 39)) == ["10 ok>firing raised low/11#1"]


def test_a_region_that_is_retired_is_closed_and_no_longer_judged() -> None:
    """Its alerts end without a message, and no new rule looks at it."""
    rules, _, events = read_all([rule(), rule("quiet", hold_for="1h")], [], [snap(0, 39)])
    engine = Engine(World())
    engine.apply(events[0][0], RulesGiven(rules))
    engine.apply(*events[0])
    engine.world.touched.clear()
    closed = engine.apply(events[0][0], RegionRetired("11"))
    assert [(line["rule"], line["from"], line["to"], line["reason"]) for line in lines_of(closed)] == [
        ("low", "firing", "ok", "out_of_scope"), ("quiet", "pending", "ok", "out_of_scope"),
    ]  # fmt: skip
    assert Key("region", "11") in engine.world.touched
    assert engine.world.regions == {}
    assert engine.apply(events[0][0], RegionRetired("12")) == []
    assert Key("region", "12") in engine.world.touched, "also where no rule has seen it"
    assert engine.apply(events[0][0], RulesGiven(())) == []
    assert engine.apply(events[0][0] + 10**9, Tick()) == []


def test_an_end_that_waits_for_morning_is_told_of_a_region_that_was_retired_meanwhile() -> None:
    """It had recovered; nothing is judged there any more."""
    rules, people, events = read_all([rule()], [official("g", quiet_hours=NIGHT)], [snap(-120, 39), snap(0, 50)])
    engine = Engine(World())
    for given in (RulesGiven(rules), OfficialsGiven(people)):
        engine.apply(events[0][0], given)
    for event in events:
        engine.apply(*event)
    at_ = events[-1][0]
    assert engine.apply(at_, RegionRetired("11")) == []
    (line,) = lines_of(engine.apply(at_ + HOUR * 60_000, Tick()))
    assert (line["what"], line["occasion"]) == ("message", "recovered")


def test_regions_that_the_same_rules_have_seen_share_one_set() -> None:
    """There are 83,762 villages."""
    rules, _, events = read_all([rule("a"), rule("b")], [], [snap(0, 39), snap(0, 39, "63")])
    engine = Engine(World())
    engine.apply(events[0][0], RulesGiven(rules))
    for event in events:
        engine.apply(*event)
    assert engine.world.regions["11"].seen == {"a", "b"}
    assert engine.world.regions["11"].seen is engine.world.regions["63"].seen


def test_time_does_not_go_back() -> None:
    """An event before the last is refused, and nothing has changed."""
    engine = Engine(World())
    engine.apply(5, Tick())
    with pytest.raises(TimeWentBack, match=r"^events are given in the order of their instants$"):
        engine.apply(4, Tick())
    assert engine.world.now == 5
