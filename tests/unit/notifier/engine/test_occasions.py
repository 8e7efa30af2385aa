"""alerts.md, "From alert to message": the occasions of an alert, acknowledgements, and the end of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts_trace import NIGHT, ack, at, official, rule, silence, snap, told, traced

G, S, K = official("g"), official("s", "sekda_provinsi", "11"), official("k", "kemnaker", "ID")
STEPS = [{"after": "1h", "hears": ["gubernur", "sekda_provinsi"]}, {"after": "2h", "hears": ["kemnaker"]}]


def rules(minutes: float, *given: dict[str, Any]) -> dict[str, Any]:
    """Return the event that these rules are in force."""
    return at(minutes, rules={"rules": list(given)})


def test_escalation_comes_to_those_who_were_not_told() -> None:
    """At exactly `after` the raise; who was told is left out."""
    of = rule(escalate=STEPS)
    assert told([of], [G, S, K], snap(0, 39), at(60), at(999)) == [
        "0 raised g low/11#1", "60 escalated s low/11#1", "120 escalated k low/11#1",
    ]  # fmt: skip
    assert told([of], [G, S, K], snap(0, 39), at(60 - 1 / 60_000)) == ["0 raised g low/11#1"]


def test_escalation_counts_from_the_judgement_that_raised() -> None:
    """A snapshot that is read late escalates at once, after its raise was told."""
    assert told([rule(escalate=STEPS)], [G, S, K], snap(130, 39, as_of=0)) == [
        "130 raised g low/11#1", "130 escalated k low/11#1", "130 escalated s low/11#1",
    ]  # fmt: skip


def test_escalation_goes_on_while_it_recovers_and_ends_with_it() -> None:
    """An alert fires until it has recovered."""
    of = rule(escalate=STEPS, clear_for="90m")
    assert told([of], [G, S, K], snap(0, 39), snap(10, 50), at(999)) == [
        "0 raised g low/11#1", "60 escalated s low/11#1", "100 recovered g low/11#1", "100 recovered s low/11#1",
    ]  # fmt: skip


def test_an_alert_that_was_acknowledged_keeps_no_other_from_its_escalation() -> None:
    """Both have something due at one instant; escalations come before what waited for morning."""
    steps = [{"after": "1h", "hears": ["sekda_provinsi"]}]
    events = [snap(0, 39), ack(10, "a")]
    assert told([rule("a"), rule("b", escalate=steps)], [official("g", quiet_hours=NIGHT), S], *events, at(60))[2:] == [
        "60 escalated s b/11#1", "60 raised g a/11#1", "60 raised g b/11#1",
    ]  # fmt: skip


def test_one_for_whom_a_message_waits_is_not_escalated_to() -> None:
    """The raise waits for the end of quiet hours; the step is made all the same."""
    held = official("g", quiet_hours={"from": "16:00", "to": "19:00"})
    assert told([rule(escalate=[{"after": "1h", "hears": ["gubernur"]}])], [held], snap(0, 39), at(200)) == [
        "0 quiet_hours raised g low/11#1", "120 raised g low/11#1",
    ]  # fmt: skip


def test_steps_already_made_are_not_made_again_when_the_rule_changes() -> None:
    """Steps are told apart by their number."""
    changed = rule(escalate=[{"after": "70m", "hears": ["kemnaker"]}, {"after": "80m", "hears": ["kemnaker"]}])
    events = [snap(0, 39), at(60), rules(61, changed), at(999)]
    assert told([rule(escalate=STEPS)], [G, S, K], *events) == [
        "0 raised g low/11#1", "60 escalated s low/11#1", "80 escalated k low/11#1",
    ]  # fmt: skip


def test_repeats_come_while_it_fires() -> None:
    """Each `repeat_every` after the last message to that official; an escalation begins its own."""
    of = rule(repeat_every="40m", escalate=[STEPS[0]])
    assert told([of], [G, S], snap(0, 39), snap(110, 50)) == [
        "0 raised g low/11#1", "40 repeated g low/11#1", "60 escalated s low/11#1", "80 repeated g low/11#1",
        "100 repeated s low/11#1", "110 recovered g low/11#1", "110 recovered s low/11#1",
    ]  # fmt: skip


def test_no_repeat_while_one_waits() -> None:
    """After the one that waited the time is counted anew."""
    night = official("g", quiet_hours={"from": "18:00", "to": "20:30"})
    assert told([rule(repeat_every="1h")], [night], snap(0, 39), at(280)) == [
        "0 raised g low/11#1", "60 quiet_hours repeated g low/11#1", "210 repeated g low/11#1",
        "270 repeated g low/11#1",
    ]  # fmt: skip


def test_a_silenced_repeat_is_not_made_up() -> None:
    """The next comes `repeat_every` after it."""
    events = [snap(0, 39), silence(30, 70), at(130)]
    assert told([rule(repeat_every="1h")], [G], *events) == [
        "0 raised g low/11#1", "60 silenced repeated g low/11#1", "120 repeated g low/11#1",
    ]  # fmt: skip


def test_acknowledging_ends_escalation_and_repeats_but_not_the_recovery() -> None:
    """Those who were told hear of the end."""
    of = rule(repeat_every="20m", escalate=STEPS)
    assert told([of], [G, S, K], snap(0, 39), ack(30), at(500), snap(600, 50)) == [
        "0 raised g low/11#1", "20 repeated g low/11#1", "600 recovered g low/11#1",
    ]  # fmt: skip


def test_acknowledging_drops_what_waits_of_escalation_and_repeats_not_the_raise() -> None:
    """Each is named with its reason."""
    night = {"quiet_hours": {"from": "17:30", "to": "20:00"}}
    people = [G | night, S | night]
    of = rule(escalate=[STEPS[0]], repeat_every="70m")
    assert told([of], people, snap(0, 39), ack(75), ack(76), at(999)) == [
        "0 raised g low/11#1", "60 quiet_hours escalated s low/11#1", "70 quiet_hours repeated g low/11#1",
        "75 acknowledged repeated g low/11#1", "75 acknowledged escalated s low/11#1",
    ]  # fmt: skip
    held = official("g", quiet_hours=NIGHT)
    assert told([of], [held], snap(0, 39), ack(1), at(60))[-1] == "60 raised g low/11#1"


def test_an_acknowledgement_without_a_firing_alert_has_no_effect() -> None:
    """Nor one of the episode before, nor one for another rule or region."""
    of = rule(repeat_every="1h")
    events = [snap(0, 39), snap(1, 50), ack(2), snap(3, 39), ack(4, "other"), ack(4, "low", "63"), at(63)]
    assert told([of], [G], *events)[-1] == "63 repeated g low/11#2"


def test_who_was_told_nothing_hears_nothing_of_the_end() -> None:
    """What waits is dropped and named; who was told of it hears the recovery."""
    night = official("h", quiet_hours={"from": "16:00", "to": "23:00"})
    assert told([rule()], [G, night], snap(0, 39), snap(10, 50), at(999)) == [
        "0 raised g low/11#1", "0 quiet_hours raised h low/11#1",
        "10 recovered g low/11#1", "10 never_told raised h low/11#1",
    ]  # fmt: skip
    assert (
        told([rule(tell_recovery="false")], [night], snap(0, 39), snap(10, 50))[-1] == "10 never_told raised h low/11#1"
    )


def test_a_repeat_that_waits_is_dropped_by_the_recovery() -> None:
    """It is not named, since its official was told and hears of the end."""
    night = official("g", quiet_hours={"from": "18:00", "to": "20:00"})
    assert told([rule(repeat_every="1h")], [night], snap(0, 39), snap(70, 50), at(999)) == [
        "0 raised g low/11#1", "60 quiet_hours repeated g low/11#1", "70 quiet_hours recovered g low/11#1",
        "180 recovered g low/11#1",
    ]  # fmt: skip


def test_a_recovery_may_be_left_untold() -> None:
    """With `tell_recovery` false nobody hears of the end."""
    assert told([rule(tell_recovery=False)], [G], snap(0, 39), snap(10, 50)) == ["0 raised g low/11#1"]


@pytest.mark.parametrize("then", [snap(10, 39), rules(10)])
def test_a_recovery_that_waits_outlives_its_episode_and_its_rule(then: dict[str, Any]) -> None:
    """It goes out in the morning, though the next episode fires or the rule is gone."""
    night = official("g", quiet_hours=NIGHT)
    lines = told([rule()], [night], snap(-120, 39), snap(0, 50), then, at(60))
    assert "60 recovered g low/11#1" in lines


def test_recoveries_of_two_episodes_wait_for_one_morning() -> None:
    """The official's quiet hours are off when each is raised, and on when it ends."""
    night = official("g", quiet_hours={"from": "16:00", "to": "20:00"})

    def given(minutes: float, who: dict[str, Any]) -> dict[str, Any]:
        return at(minutes, officials={"officials": [who]})

    events = [snap(0, 39), given(5, night), snap(10, 50), given(15, G), snap(20, 39), given(25, night), snap(30, 50)]
    assert told([rule()], [G], *events, at(300)) == [
        "0 raised g low/11#1", "10 quiet_hours recovered g low/11#1", "20 raised g low/11#2",
        "30 quiet_hours recovered g low/11#2", "180 recovered g low/11#1", "180 recovered g low/11#2",
    ]  # fmt: skip


def test_a_recovery_of_a_removed_rule_is_held_again_by_longer_hours() -> None:
    """It waited because its rule was not critical, and still is not."""
    longer = at(20, officials={"officials": [official("g", quiet_hours={"from": "16:00", "to": "19:00"})]})
    lines = told([rule()], [official("g", quiet_hours=NIGHT)], snap(-120, 39), snap(0, 50), rules(10), longer, at(999))
    assert lines[-2:] == ["60 quiet_hours recovered g low/11#1", "120 recovered g low/11#1"]


def test_what_falls_due_waits_while_the_region_catches_up() -> None:
    """Escalations and repeats come once it has; ends of quiet hours, muting and silence do not wait."""
    of = rule(escalate=[STEPS[0]], repeat_every="30m")
    night = official("h", quiet_hours=NIGHT)
    events = [snap(0, 39), snap(1, 39, catching_up=True), at(80), snap(90, 39)]
    assert told([of], [G, S, night], *events) == [
        "0 raised g low/11#1", "0 quiet_hours raised h low/11#1", "60 raised h low/11#1",
        "90 escalated s low/11#1", "90 repeated g low/11#1", "90 repeated h low/11#1",
    ]  # fmt: skip
    events = [silence(-1, 30), snap(0, 39), snap(1, 39, catching_up=True), at(30)]
    assert told([rule()], [G], *events) == ["0 silenced raised g low/11#1", "30 raised g low/11#1"]


def test_messages_come_after_all_moves_of_an_event_in_the_order_of_rule_and_official() -> None:
    """First what moved, then who hears."""
    lines = traced([rule("b"), rule("a")], [official("h"), G], [snap(0, 39)])
    assert [(line["what"], line.get("rule") or line["alerts"][0]["rule"], line.get("official")) for line in lines] == [
        ("move", "a", None), ("move", "b", None), ("message", "a", "g"), ("message", "a", "h"), ("message", "b", "g"),
        ("message", "b", "h"),
    ]  # fmt: skip


def test_at_one_instant_what_time_makes_comes_in_the_order_of_the_page() -> None:
    """Moves, ends of silence, escalations, repeats, ends of quiet hours, digests; then events."""
    people = [official("g", quiet_hours=NIGHT), S, K]
    of = [
        rule("1-event", hears=["sekda_provinsi"], regions=["63"]),
        rule("2-digest", hears=["sekda_provinsi"], group_wait="1h"),
        rule("3-morning"), rule("4-repeat", hears=["sekda_provinsi"], repeat_every="1h"),
        rule("5-step", hears=["kemnaker"], escalate=[{"after": "1h", "hears": ["sekda_provinsi"]}]),
        rule("6-silence", hears=["sekda_provinsi"]), rule("7-move", hears=["sekda_provinsi"], hold_for="1h"),
    ]  # fmt: skip
    lines = told(
        [{"regions": ["11"], **each} for each in of],
        people,
        silence(0, 60, "s", ["6-silence"]),
        snap(0, 39),
        snap(60, 39, "63"),
        moves=True,
    )
    assert [line for line in lines if line.startswith("60 ")] == [
        "60 pending>firing raised 7-move/11#1", "60 raised s 7-move/11#1", "60 raised s 6-silence/11#1",
        "60 escalated s 5-step/11#1", "60 repeated s 4-repeat/11#1", "60 raised g 3-morning/11#1",
        "60 raised s 2-digest/11#1", "60 ok>firing raised 1-event/63#1", "60 vacant sekda_provinsi 1-event/63",
    ]  # fmt: skip


def test_ids_follow_from_what_they_name() -> None:
    """The same events give the same ids, another instant gives others."""
    first, again = (traced([rule()], [G], [snap(0, 39)])[-1]["id"] for _ in range(2))
    assert first == again != traced([rule()], [G], [snap(1, 39)])[-1]["id"]
    assert first == "7b5903be-1d71-53fa-9ae6-b458b0e53b2c"
