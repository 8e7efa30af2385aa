"""alerts.md, "Who hears": posts, terms, deputies, vacancies, shared addresses, and who replaces whom."""

from __future__ import annotations

from typing import Any

import pytest

from services.notifier.engine.engine import Engine
from services.notifier.engine.events import OfficialsGiven, RulesGiven
from services.notifier.engine.world import World
from tests.alerts_trace import NIGHT, OTHER, at, official, read_all, rule, snap, told

VILLAGE, DISTRICT = "11.01.01.2001", "11.01.01"
ALL = ["nation", "province", "regency", "district", "village"]


def hearing(*roles: str, **over: Any) -> dict[str, Any]:
    """Return a rule of all levels that these roles hear."""
    return rule(levels=ALL, hears=list(roles), **over)


def officials(minutes: float, *given: dict[str, Any]) -> dict[str, Any]:
    """Return the event that the file has these officials."""
    return at(minutes, officials={"officials": list(given)})


@pytest.mark.parametrize(
    ("role", "post"),
    [
        ("kemenko_pmk", "ID"), ("kemnaker", "ID"), ("kemendagri", "ID"), ("bpjs_pusat", "ID"), ("gubernur", "11"),
        ("sekda_provinsi", "11"), ("bupati", OTHER), ("sekda", OTHER), ("camat", DISTRICT), ("kepala_desa", VILLAGE),
    ],
)  # fmt: skip
def test_a_role_hears_of_its_region_and_of_all_below(role: str, post: str) -> None:
    """Of a village's alert each role hears at its own level, and nobody of a region beside it."""
    beside = official("b", role, "63" if post == "11" else post[:-1] + "9")
    assert told([hearing(role)], [official("a", role, post), beside], snap(0, 39, VILLAGE)) == [
        f"0 raised a low/{VILLAGE}#1"
    ]


def test_a_role_below_the_alerts_level_hears_nothing_and_is_no_vacancy() -> None:
    """Of a province's alert a bupati in it does not hear."""
    people = [official("b", "bupati", OTHER), official("g")]
    assert told([hearing("bupati", "gubernur")], people, snap(0, 39)) == ["0 raised g low/11#1"]


def test_all_in_office_hear_in_the_order_of_their_ids() -> None:
    """Two may hold one role; one whose role and post are heard twice hears once."""
    people = [official("z"), official("a"), official("m", valid_until="2026-03-02")]
    assert told([rule(hears=["gubernur", "gubernur"])], people, snap(0, 39)) == [
        "0 raised a low/11#1", "0 raised z low/11#1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("term", "minutes", "hears"),
    [
        ({"valid_from": "2026-03-03"}, 0, True), ({"valid_from": "2026-03-04"}, 0, False),
        ({"valid_from": "2026-03-04"}, 419, False), ({"valid_from": "2026-03-04"}, 420, True),
        ({"valid_until": "2026-03-03"}, 419, True), ({"valid_until": "2026-03-03"}, 420, False),
    ],
)  # fmt: skip
def test_a_term_is_days_of_the_regions_zone_both_included(term: dict[str, str], minutes: float, hears: bool) -> None:
    """The day in Aceh ends at 17:00 UTC, 420 minutes after START."""
    lines = told([rule()], [official("g", **term)], snap(minutes, 39))
    assert lines == [f"{minutes} raised g low/11#1" if hears else f"{minutes} vacant gubernur low/11"]


def test_the_day_ends_an_hour_earlier_in_the_middle_and_two_in_the_east() -> None:
    """South Kalimantan is an hour ahead of Aceh, Papua two."""
    for region, end in (("63", 360), ("91", 300)):
        person = official("g", "gubernur", region, valid_until="2026-03-03")
        assert told([rule()], [person], snap(end - 1, 39, region)) == [f"{end - 1} raised g low/{region}#1"]
        assert told([rule()], [person], snap(end, 39, region)) == [f"{end} vacant gubernur low/{region}"]


def test_the_deputy_of_the_last_in_office_stands_in() -> None:
    """Of those whose term is over the last one's deputy counts, and only one who is in office."""
    old = official("a", valid_until="2026-01-01", deputy="x")
    last = official("b", valid_until="2026-03-02", deputy="y")
    coming = official("c", valid_from="2026-03-04", deputy="x")
    deputies = [official("x", "bupati", OTHER), official("y", "sekda", OTHER)]
    assert told([rule()], [old, last, coming, *deputies], snap(0, 39)) == ["0 raised y low/11#1"]
    gone = official("y", "sekda", OTHER, valid_until="2026-03-02")
    assert told([rule()], [old, last, gone, deputies[0]], snap(0, 39)) == ["0 vacant gubernur low/11"]
    assert told([rule()], [old, official("b", valid_until="2026-03-02")], snap(0, 39)) == ["0 vacant gubernur low/11"]


def test_nobody_stands_in_for_one_who_is_in_office_or_yet_to_come() -> None:
    """A deputy hears only after a term has ended."""
    deputy = official("y", "sekda", OTHER)
    assert told([rule()], [official("g", deputy="y"), deputy], snap(0, 39)) == ["0 raised g low/11#1"]
    coming = official("g", deputy="y", valid_from="2026-03-04")
    assert told([rule()], [coming, deputy], snap(0, 39)) == ["0 vacant gubernur low/11"]


def test_one_who_hears_for_two_roles_hears_once() -> None:
    """A deputy's own role and the one stood in for make one occasion."""
    people = [official("a", valid_until="2026-03-02", deputy="s"), official("s", "sekda_provinsi", "11")]
    assert told([rule(hears=["gubernur", "sekda_provinsi"])], people, snap(0, 39)) == ["0 raised s low/11#1"]


def test_whoever_changes_region_holds_the_new_office_only() -> None:
    """The file as it is now decides."""
    events = [officials(1, official("g", "gubernur", "63")), snap(2, 39), snap(3, 39, "63")]
    assert told([rule()], [official("g")], *events) == ["2 vacant gubernur low/11", "3 raised g low/63#1"]


def test_a_step_that_nobody_holds_makes_the_next_due_at_once() -> None:
    """Vacancies are told for each role, once for each step."""
    steps = [{"after": "1h", "hears": ["sekda_provinsi", "gubernur"]}, {"after": "2h", "hears": ["kemnaker"]}]
    assert told([rule(escalate=steps)], [official("k", "kemnaker", "ID")], snap(0, 39), at(999)) == [
        "0 vacant gubernur low/11", "0 vacant sekda_provinsi low/11", "0 vacant gubernur low/11",
        "0 escalated k low/11#1",
    ]  # fmt: skip


def test_a_step_of_roles_below_makes_the_next_due_at_once() -> None:
    """Nobody hears, nothing is vacant."""
    of = hearing("camat", escalate=[{"after": "1h", "hears": ["gubernur"]}])
    assert told([of], [official("g")], snap(0, 39)) == ["0 escalated g low/11#1"]


def test_a_step_with_someone_in_office_is_no_reason_to_hurry() -> None:
    """One of two roles is enough."""
    of = hearing("sekda_provinsi", "gubernur", escalate=[{"after": "1h", "hears": ["kemnaker"]}])
    people = [official("g"), official("k", "kemnaker", "ID")]
    assert told([of], people, snap(0, 39), at(59)) == ["0 vacant sekda_provinsi low/11", "0 raised g low/11#1"]


def test_two_with_one_address_hear_once_there_by_the_lesser_id() -> None:
    """The other hears at the addresses that are theirs alone, or not at all."""
    people = [official("b", "gubernur", "11", "s@x", "b@x"), official("a", "gubernur", "11", "s@x")]
    assert told([rule()], people, snap(0, 39), snap(1, 50)) == [
        "0 raised a=email:s@x low/11#1", "0 raised b low/11#1",
        "1 recovered a=email:s@x low/11#1", "1 recovered b low/11#1",
    ]  # fmt: skip
    people = [official("b", "gubernur", "11", "s@x"), official("a", "gubernur", "11", "s@x")]
    assert told([rule()], people, snap(0, 39)) == ["0 raised a=email:s@x low/11#1"]


def test_of_three_the_last_shares_the_address_of_the_first() -> None:
    """One between them has another."""
    people = [official("a", "gubernur", "11", "s@x"), official("b"), official("c", "gubernur", "11", "s@x")]
    assert told([rule()], people, snap(0, 39)) == ["0 raised a=email:s@x low/11#1", "0 raised b low/11#1"]


def test_one_address_of_two_kinds_of_channel_is_two() -> None:
    """Only kind and address together are the same."""
    chat = official("b") | {"channels": [{"kind": "chat", "address": "a@x"}]}
    assert told([rule()], [official("a"), chat], snap(0, 39)) == ["0 raised a low/11#1", "0 raised b=chat:a@x low/11#1"]


def test_the_lesser_id_hears_though_it_is_held() -> None:
    """Who hears at an address is decided when the occasion is made."""
    people = [official("b", "gubernur", "11", "s@x"), official("a", "gubernur", "11", "s@x", quiet_hours=NIGHT)]
    assert told([rule()], people, snap(0, 39), at(60)) == [
        "0 quiet_hours raised a low/11#1", "60 raised a=email:s@x low/11#1",
    ]  # fmt: skip


def test_an_address_is_shared_only_within_one_occasion_at_one_instant() -> None:
    """An escalation an hour later is told at the same address again."""
    of = rule(escalate=[{"after": "1h", "hears": ["sekda_provinsi"]}])
    people = [official("g", "gubernur", "11", "o@x"), official("s", "sekda_provinsi", "11", "o@x")]
    assert told([of], people, snap(0, 39), at(60)) == [
        "0 raised g=email:o@x low/11#1",
        "60 escalated s=email:o@x low/11#1",
    ]


def test_who_left_office_while_held_is_replaced() -> None:
    """By those who hold the role then; one to whom a message went is left out."""
    people = [official("g", quiet_hours=NIGHT), official("h")]
    events = [snap(0, 39), officials(10, official("h"), official("i"), official("j")), at(60)]
    assert told([rule()], people, *events) == [
        "0 quiet_hours raised g low/11#1", "0 raised h low/11#1", "60 raised i low/11#1", "60 raised j low/11#1",
    ]  # fmt: skip


def test_who_left_office_is_replaced_by_a_deputy_or_leaves_a_vacancy() -> None:
    """The term ends at midnight, between the raise and the end of quiet hours; a vacancy is told once."""
    quiet = {"from": "23:00", "to": "06:00"}
    deputy = official("s", "sekda_provinsi", "11")
    leaving = official("g", valid_until="2026-03-03", quiet_hours=quiet)
    assert told([rule()], [leaving | {"deputy": "s"}, deputy], snap(400, 39), at(780)) == [
        "400 quiet_hours raised g low/11#1", "780 raised s low/11#1",
    ]  # fmt: skip
    other = official("h", valid_until="2026-03-03", quiet_hours=quiet)
    assert told([rule()], [leaving, other], snap(400, 39), at(780)) == [
        "400 quiet_hours raised g low/11#1", "400 quiet_hours raised h low/11#1", "780 vacant gubernur low/11",
    ]  # fmt: skip


def test_who_changed_the_office_is_replaced_though_in_the_file() -> None:
    """In office is in the office by which they heard."""
    people = [official("g", quiet_hours=NIGHT)]
    events = [snap(0, 39), officials(10, official("g", "gubernur", "63"), official("h")), at(60)]
    assert told([rule()], people, *events)[-1] == "60 raised h low/11#1"


def test_a_replacement_may_be_held_too() -> None:
    """By quiet hours that end later than those of whom it replaces."""
    later = official("h", quiet_hours={"from": "16:00", "to": "19:00"})
    events = [snap(0, 39), officials(10, later), at(60), at(120)]
    assert told([rule()], [official("g", quiet_hours=NIGHT)], *events) == [
        "0 quiet_hours raised g low/11#1", "60 quiet_hours raised h low/11#1", "120 raised h low/11#1",
    ]  # fmt: skip


def test_replacements_who_share_an_address_hear_once() -> None:
    """They are made at one instant."""
    events = [
        snap(0, 39),
        officials(10, official("i", "gubernur", "11", "s@x"), official("h", "gubernur", "11", "s@x")),
    ]
    assert told([rule()], [official("g", quiet_hours=NIGHT)], *events, at(60))[-1:] == [
        "60 raised h=email:s@x low/11#1"
    ]


def test_a_repeat_for_one_who_left_goes_to_the_successor() -> None:
    """Who hears then has repeats of their own; while the office is empty each repeat is a vacancy."""
    of = rule(repeat_every="1h")
    events = [snap(0, 39), officials(10), at(120), officials(130, official("h")), at(240)]
    assert told([of], [official("g")], *events) == [
        "0 raised g low/11#1", "60 vacant gubernur low/11", "120 vacant gubernur low/11", "180 repeated h low/11#1",
        "240 repeated h low/11#1",
    ]  # fmt: skip


def test_a_recovery_goes_to_all_who_were_told_and_are_in_the_file() -> None:
    """In office or not."""
    people = [official("g"), official("h"), official("i")]
    events = [
        snap(0, 39),
        officials(10, official("g", valid_until="2026-01-01"), official("i", "gubernur", "63")),
        snap(20, 50),
    ]
    assert told([rule()], people, *events)[3:] == ["20 recovered g low/11#1", "20 recovered i low/11#1"]


def test_a_recovery_that_waits_goes_to_nobody_who_has_left_the_file() -> None:
    """The file is read when the message would go out."""
    events = [snap(-120, 39), snap(0, 50), officials(10), at(60)]
    assert told([rule()], [official("g", quiet_hours=NIGHT)], *events) == [
        "-120 raised g low/11#1", "0 quiet_hours recovered g low/11#1",
    ]  # fmt: skip


def test_a_vacancy_is_told_once_for_repeats_of_one_instant() -> None:
    """Their officials' nights end one after the other; the next repeat is another occasion."""
    people = [
        official("g", quiet_hours={"from": "18:00", "to": "19:00"}),
        official("h", quiet_hours={"from": "18:00", "to": "19:30"}),
    ]
    events = [snap(0, 39), at(61, officials={"officials": []}), at(180)]
    assert told([rule(repeat_every="1h")], people, *events)[2:] == [
        "60 quiet_hours repeated g low/11#1", "60 quiet_hours repeated h low/11#1", "120 vacant gubernur low/11",
        "180 vacant gubernur low/11",
    ]  # fmt: skip


@pytest.mark.parametrize(("repeat", "minutes"), [(None, 0), ("1h", 60)])
def test_a_vacancy_is_told_once_though_others_come_between(repeat: str | None, minutes: float) -> None:
    """Two held one role and one the other; all have left by the morning that their messages wait for."""
    held: dict[str, Any] = {"quiet_hours": {"from": "17:00" if not repeat else "17:30", "to": "20:00"}}
    people = [official("a", **held), official("m", "sekda_provinsi", **held), official("z", **held)]
    given = rule(hears=["gubernur", "sekda_provinsi"], repeat_every=repeat)
    lines = told([given], people, snap(0, 39), officials(90), at(200))
    assert [line for line in lines if "vacant" in line] == [
        "180 vacant gubernur low/11", "180 vacant sekda_provinsi low/11",
    ]  # fmt: skip
    assert f"{minutes} quiet_hours {'repeated' if repeat else 'raised'} z low/11#1" in lines


def test_vacancies_of_repeats_are_forgotten() -> None:
    """An office that stays empty does not let the alert grow."""
    engine = Engine(World())
    rules, people, events = read_all([rule(repeat_every="1m")], [official("g")], [snap(0, 39), officials(0), at(500)])
    for event in (RulesGiven(rules), OfficialsGiven(people)):
        engine.apply(events[0][0], event)
    told_of = [len(engine.apply(at_, event)) for at_, event in events]
    alert = engine.world.alert("low", "11")
    assert told_of == [2, 0, 500]
    assert alert is not None
    assert len(alert.vacancies) == 1
