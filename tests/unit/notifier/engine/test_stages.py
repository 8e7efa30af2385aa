"""alerts.md, stages: muted, silenced, quiet hours, digests; the first that holds an occasion decides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts_trace import BANDA, NIGHT, OTHER, ack, at, official, rule, silence, snap, told

G, B = official("g"), official("b", "bupati", OTHER)
BOTH = ["province", "regency"]


def test_a_rule_is_muted_by_another_that_fires_in_the_same_region() -> None:
    """When the other has recovered, those held are judged again."""
    severe = rule("severe", raise_below="0.20", clear_at="0.30", hears=["sekda_provinsi"])
    of = [rule(muted_by=["severe"]), severe]
    assert told(of, [G], snap(0, 19), snap(10, 35)) == [
        "0 muted raised g low/11#1", "0 vacant sekda_provinsi severe/11", "10 raised g low/11#1",
    ]  # fmt: skip
    assert told(of, [G], snap(0, 19), snap(10, 45))[2:] == ["10 never_told raised g low/11#1"]


def test_muting_is_by_an_alert_that_fires_there_also_while_it_recovers() -> None:
    """Neither one elsewhere nor one that is only pending mutes."""
    severe = rule("severe", raise_below="0.20", clear_at="0.30", clear_for="1h", hears=["bupati"], levels=BOTH)
    of = [rule(muted_by=["severe"]), severe]
    assert told(of, [G], snap(0, 19, OTHER), snap(0, 39))[-1] == "0 raised g low/11#1"
    assert told(of, [G], snap(0, 19), snap(10, 35), at(70))[-1] == "70 raised g low/11#1"
    pending = [of[0], severe | {"hold_for": "1h"}]
    assert told(pending, [G], snap(0, 19), at(60)) == ["0 raised g low/11#1"]


def test_moves_of_one_instant_come_before_messages() -> None:
    """Two rules that time raises together: the one mutes the other, whatever the order of their ids."""
    severe = rule("severe", hold_for="1h", hears=["bupati"])
    assert told([rule(muted_by=["severe"], hold_for="1h"), severe], [G], snap(0, 19), at(60)) == [
        "60 muted raised g low/11#1"
    ]


def test_an_alert_above_mutes_those_of_the_same_rule_below() -> None:
    """Any region above, and only if the rule says so."""
    of = rule(levels=["nation", "province", "regency"], muted_by_above="true", hears=["bupati", "gubernur", "kemnaker"])
    events = [snap(0, 39, "ID"), snap(1, 39, OTHER), snap(2, 50, "ID")]
    people = [B, official("k", "kemnaker", "ID")]
    assert told([of], people, *events) == [
        "0 raised k low/ID#1", f"1 vacant gubernur low/{OTHER}", f"1 muted raised b low/{OTHER}#1",
        f"1 muted raised k low/{OTHER}#1", "2 recovered k low/ID#1", f"2 raised b low/{OTHER}#1",
        f"2 raised k low/{OTHER}#1",
    ]  # fmt: skip
    assert told([of | {"muted_by_above": "false"}], people, *events)[2] == f"1 raised b low/{OTHER}#1"


def test_muting_ends_when_the_rules_say_so() -> None:
    """A rule that is no longer muted is told when the rules change, as is one whose muter is removed."""
    severe = rule("severe", raise_below="0.20", hears=["bupati"])
    for changed in ([rule(), severe], [rule()]):
        events = [snap(0, 19), at(10, rules={"rules": changed})]
        assert told([rule(muted_by=["severe"]), severe], [G], *events)[-1] == "10 raised g low/11#1"


def test_only_a_raise_is_muted() -> None:
    """Escalations, repeats and recoveries pass."""
    severe = rule("severe", raise_below="0.20", clear_at="0.30", hears=["bupati"])
    of = rule(muted_by=["severe"], repeat_every="1h", escalate=[{"after": "2h", "hears": ["sekda_provinsi"]}])
    people = [G, official("s", "sekda_provinsi", "11")]
    assert told([of, severe], people, snap(0, 39), snap(10, 19), at(120), snap(130, 50)) == [
        "0 raised g low/11#1", "60 repeated g low/11#1", "120 escalated s low/11#1", "120 repeated g low/11#1",
        "130 recovered g low/11#1", "130 recovered s low/11#1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "region", "held"),
    [
        (None, "11", True), (None, "ID", True), (["low"], "11", True), (["other", "low"], "ID", True),
        (["other"], "11", False), (None, "63", False), (None, BANDA, False),
    ],
)  # fmt: skip
def test_a_silence_names_rules_and_regions(rules: list[str] | None, region: str, held: bool) -> None:
    """All rules or these; a region and all below it."""
    lines = told([rule()], [G], silence(0, 10, "s", rules, region), snap(1, 39))
    assert lines == ["1 silenced raised g low/11#1" if held else "1 raised g low/11#1"]


def test_a_silence_lasts_up_to_and_not_including_its_end() -> None:
    """At its end those held are judged again, before the events of that instant."""
    assert told([rule()], [G], silence(0, 10), snap(10 - 1 / 60_000, 39), at(10))[-1] == "10 raised g low/11#1"
    assert told([rule()], [G], silence(0, 10), snap(10, 39)) == ["10 raised g low/11#1"]


def test_what_time_raises_at_the_end_of_a_silence_is_not_held() -> None:
    """Time moves rules before it ends silences, and the silence does not include its end."""
    events = [snap(0, 39), silence(1, 60), at(60)]
    assert told([rule(hold_for="1h")], [G], *events) == ["60 raised g low/11#1"]


def test_a_silence_is_replaced_by_one_of_the_same_id_and_ended_by_hand() -> None:
    """The later one alone holds; under another id both do."""
    held = "1 silenced raised g low/11#1"
    assert told([rule()], [G], silence(0, 10), snap(1, 39), silence(2, 20), at(19)) == [held]
    assert told([rule()], [G], silence(0, 10), snap(1, 39), silence(2, 5), at(5)) == [held, "5 raised g low/11#1"]
    assert told([rule()], [G], silence(0, 10), snap(1, 39), silence(2, 5, "t"), at(10)) == [
        held,
        "10 raised g low/11#1",
    ]
    elsewhere = silence(2, 20, "s", None, "63")
    assert told([rule()], [G], silence(0, 10), snap(1, 39), elsewhere) == [held, "2 raised g low/11#1"]
    assert told([rule()], [G], silence(0, 10), snap(1, 39), at(2, unsilence={"id": "s"})) == [
        held,
        "2 raised g low/11#1",
    ]


def test_a_silence_holds_no_recovery() -> None:
    """Those who were told hear of the end."""
    assert told([rule()], [G], snap(0, 39), silence(1, 99), snap(2, 50))[-1] == "2 recovered g low/11#1"


def test_muting_is_looked_at_before_silence_and_silence_before_quiet_hours() -> None:
    """The first that holds decides; what comes after it ends is judged from the first again."""
    severe = rule("severe", raise_below="0.20", clear_at="0.30", hears=["bupati"])
    of = [rule(muted_by=["severe"], group_wait="10m"), severe]
    night = official("g", quiet_hours=NIGHT)
    assert told(of, [night], silence(0, 50), snap(1, 19), snap(20, 39), at(70)) == [
        "1 muted raised g low/11#1", "20 silenced raised g low/11#1", "50 quiet_hours raised g low/11#1",
        "60 grouped raised g low/11#1", "70 raised g low/11#1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "until"), [(299, None), (300, 780), (779, 780), (780, None), (420, 780), (1740, 2220)]
)
def test_quiet_hours_are_local_and_may_go_over_midnight(minutes: float, until: float | None) -> None:
    """22:00 to 06:00 in Aceh is 300 to 780 minutes after START."""
    night = official("g", quiet_hours={"from": "22:00", "to": "06:00"})
    held = [f"{minutes:g} quiet_hours raised g low/11#1", f"{until} raised g low/11#1"]
    lines = told([rule()], [night], snap(minutes, 39), at(3000))
    assert lines == (held if until else [f"{minutes:g} raised g low/11#1"])


def test_equal_quiet_hours_are_none_and_critical_passes() -> None:
    """A critical alert is told at night."""
    assert told([rule()], [official("g", quiet_hours={"from": "17:00", "to": "17:00"})], snap(0, 39)) == [
        "0 raised g low/11#1"
    ]
    assert told([rule(severity="critical")], [official("g", quiet_hours=NIGHT)], snap(0, 39)) == ["0 raised g low/11#1"]


def test_the_end_of_quiet_hours_is_fixed_when_the_hold_begins() -> None:
    """Other hours in the file change nothing for what waits, and hold it again if they cover its end."""
    shorter = official("g", quiet_hours={"from": "16:00", "to": "17:30"})
    longer = official("g", quiet_hours={"from": "16:00", "to": "19:00"})
    events = [snap(0, 39), at(10, officials={"officials": [shorter]}), at(999)]
    assert told([rule()], [official("g", quiet_hours=NIGHT)], *events)[1:] == ["60 raised g low/11#1"]
    events = [snap(0, 39), at(10, officials={"officials": [longer]}), at(999)]
    assert told([rule()], [official("g", quiet_hours=NIGHT)], *events)[1:] == [
        "60 quiet_hours raised g low/11#1", "120 raised g low/11#1",
    ]  # fmt: skip


def test_a_digest_gathers_alerts_of_one_rule_for_one_official() -> None:
    """From the first of them for `group_wait`; another rule's are told apart."""
    of = [rule(group_wait="10m", levels=BOTH), rule("other", group_wait="10m", levels=["regency"])]
    assert told(of, [G], snap(0, 39, OTHER), snap(9, 39), snap(10, 39, BANDA), at(20)) == [
        f"0 grouped raised g low/{OTHER}#1", f"0 grouped raised g other/{OTHER}#1", "9 grouped raised g low/11#1",
        f"10 raised g low/11#1 low/{OTHER}#1", f"10 raised g other/{OTHER}#1",
        f"10 grouped raised g low/{BANDA}#1", f"10 grouped raised g other/{BANDA}#1",
        f"20 raised g low/{BANDA}#1", f"20 raised g other/{BANDA}#1",
    ]  # fmt: skip


def test_an_alert_that_recovers_leaves_its_digest() -> None:
    """A digest that has lost all its alerts is none; the next alert begins another."""
    of = rule(group_wait="10m", levels=BOTH)
    assert told([of], [G], snap(0, 39), snap(1, 39, OTHER), snap(2, 50), at(10))[2:] == [
        "2 never_told raised g low/11#1", f"10 raised g low/{OTHER}#1",
    ]  # fmt: skip
    assert told([of], [G], snap(0, 39), snap(2, 50), snap(5, 39, OTHER), at(15))[2:] == [
        f"5 grouped raised g low/{OTHER}#1", f"15 raised g low/{OTHER}#1",
    ]  # fmt: skip


def test_each_alert_of_a_digest_is_judged_again_when_it_goes_out() -> None:
    """What is silenced then waits; quiet hours that have begun hold it."""
    of = rule(group_wait="10m", levels=BOTH)
    assert told([of], [G], snap(0, 39), snap(1, 39, OTHER), silence(2, 20, "s", None, OTHER), at(30))[2:] == [
        f"10 silenced raised g low/{OTHER}#1", "10 raised g low/11#1", f"20 grouped raised g low/{OTHER}#1",
        f"30 raised g low/{OTHER}#1",
    ]  # fmt: skip
    night = official("g", quiet_hours={"from": "17:05", "to": "18:00"})
    assert told([of], [night], snap(0, 39), at(100)) == [
        "0 grouped raised g low/11#1", "10 quiet_hours raised g low/11#1", "60 grouped raised g low/11#1",
        "70 raised g low/11#1",
    ]  # fmt: skip


def test_a_digest_of_one_who_left_office_goes_to_the_successor() -> None:
    """It does not gather anew."""
    events = [snap(0, 39), snap(1, 39, OTHER), at(5, officials={"officials": [official("h")]}), at(10)]
    assert told([rule(group_wait="10m", levels=BOTH)], [G], *events)[2:] == [f"10 raised h low/11#1 low/{OTHER}#1"]


def test_a_digest_goes_out_without_a_region_that_catches_up() -> None:
    """Its alert follows alone once it has; later alerts begin a new digest."""
    of = rule(group_wait="10m", levels=BOTH)
    events = [snap(0, 39), snap(1, 39, OTHER), snap(2, 39, catching_up=True), snap(11, 39, BANDA), snap(15, 39), at(21)]
    assert told([of], [G], *events)[2:] == [
        f"10 raised g low/{OTHER}#1", f"11 grouped raised g low/{BANDA}#1", "15 raised g low/11#1",
        f"21 raised g low/{BANDA}#1",
    ]  # fmt: skip


def test_what_is_late_for_its_digest_waits_though_another_official_hears() -> None:
    """The night of one ends while the region is catching up; the other hears once it has caught up."""
    people = [G, official("h", quiet_hours=NIGHT)]
    events = [snap(0, 39), snap(5, 39, catching_up=True), at(60), snap(70, 39)]
    assert told([rule(group_wait="10m")], people, *events) == [
        "0 grouped raised g low/11#1", "0 quiet_hours raised h low/11#1", "60 grouped raised h low/11#1",
        "70 raised g low/11#1", "70 raised h low/11#1",
    ]  # fmt: skip


def test_an_alert_that_recovers_as_it_catches_up_is_never_told() -> None:
    """The snapshot's moves come before what falls due."""
    events = [snap(0, 39), snap(2, 39, catching_up=True), snap(15, 50)]
    assert told([rule(group_wait="10m")], [G], *events)[1:] == ["15 never_told raised g low/11#1"]


def test_other_occasions_are_not_grouped() -> None:
    """Escalations, repeats and recoveries are told at once, one message each."""
    of = rule(group_wait="10m", repeat_every="1h", escalate=[{"after": "30m", "hears": ["sekda_provinsi"]}])
    people = [G, official("s", "sekda_provinsi", "11")]
    assert told([of], people, snap(0, 39), at(75), snap(80, 50))[2:] == [
        "30 escalated s low/11#1", "70 repeated g low/11#1", "80 recovered g low/11#1", "80 recovered s low/11#1",
    ]  # fmt: skip


def test_a_raise_that_was_acknowledged_still_goes_out_with_its_digest() -> None:
    """An acknowledgement ends escalation and repeats only."""
    of = rule(group_wait="10m", repeat_every="1h")
    assert told([of], [G], snap(0, 39), ack(1), at(500))[1:] == ["10 raised g low/11#1"]


def test_an_official_hears_once_a_channel_and_a_digest_leaves_shared_addresses_to_others() -> None:
    """Each channel's message names the alerts that are heard there."""
    two: dict[str, Any] = official("h", "gubernur", "11", "s@x", "h@x")
    shared = official("g", "bupati", OTHER, "s@x")
    of = rule(group_wait="10m", levels=BOTH, hears=["bupati", "gubernur"])
    assert told([of], [two, shared], snap(0, 39), snap(1, 39, OTHER), at(11))[3:] == [
        "10 raised h=email:s@x low/11#1", f"10 raised h low/11#1 low/{OTHER}#1", f"11 raised g=email:s@x low/{OTHER}#1",
    ]  # fmt: skip


def test_an_alert_right_above_mutes_too() -> None:
    """Not only one further up."""
    of = [rule(levels=["regency", "district"], hears=["bupati"], muted_by_above=True)]
    lines = told(of, [B], snap(0, 19, OTHER), snap(1, 19, f"{OTHER}.01"))
    assert lines == ["0 raised b low/11.01#1", "1 muted raised b low/11.01.01#1"]
