"""Files of rules: what is read, exactly as it is written, and what is refused with file, line and what to do."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.contracts import schemas
from services.notifier.engine import rules
from services.notifier.engine.directory import Role
from services.notifier.engine.rules import Direction, FirstSight, Lines, Rule, Severity
from services.notifier.files.entries import Refused
from services.notifier.files.rule_files import read_rules

SCHEMA = schemas()["notifier.rules.schema.json"]
RULE = """\
rules:
  - id: low
    title: {id: rendah, en: low}
    kind: threshold
    direction: below
    measure: active
    raise_below: 0.40
    clear_at: 0.45
    levels: [regency]
    regions: [34.10]
    hears: [bupati, bupati]
"""
EVERY_FIELD = """
    hold_for: 90s
    clear_for: 2h
    first_sight: quiet
    severity: critical
    escalate: [{after: 1d, hears: [gubernur]}, {after: 2d, hears: [kemnaker]}]
    group_wait: 0s
    repeat_every: 1m
    tell_recovery: false
    muted_by_above: true
"""


def read(text: str) -> tuple[Rule, ...]:
    """Return the rules of a text, for which every code is a region but 99."""
    return read_rules(text, "rules.yaml", lambda code: code != "99")


def refusal(text: str) -> str:
    """Return how the text is refused."""
    with pytest.raises(Refused) as refused:
        read(text)
    return str(refused.value)


def test_what_is_not_written_has_the_defaults_of_the_page() -> None:
    """Ratios are exact, and a code that looks like a number stays as it is written."""
    assert read(RULE) == (
        Rule(
            "low", {"id": "rendah", "en": "low"},
            rules.Threshold(Lines(Direction.BELOW, Fraction(2, 5), Fraction(9, 20)), "active", "workers"),
            (Role.BUPATI,), frozenset({"regency"}), frozenset({"34.10"}), 0, 0, FirstSight.TELL, Severity.WARNING,
            (), 30_000, None, True, False, (),
        ),
    )  # fmt: skip
    assert read(RULE.replace("    regions: [34.10]\n", ""))[0].regions == frozenset({"ID"})


def test_every_field_is_read() -> None:
    """Durations are whole milliseconds."""
    (rule,) = read(RULE + EVERY_FIELD)
    assert (rule.hold_ms, rule.clear_ms, rule.group_wait_ms, rule.repeat_ms) == (90_000, 7_200_000, 0, 60_000)
    assert (rule.first_sight, rule.severity) == (FirstSight.QUIET, Severity.CRITICAL)
    assert [(step.after_ms, step.hears) for step in rule.escalate] == [
        (86_400_000, (Role.GUBERNUR,)), (172_800_000, (Role.KEMNAKER,)),
    ]  # fmt: skip
    assert (rule.tell_recovery, rule.muted_by_above) == (False, True)


@pytest.mark.parametrize("written", ["0.40", '"0.40"', "'0.40'"])
def test_quoted_or_not_is_the_same(written: str) -> None:
    """0.1 + 0.2 would not be 0.3 as binary numbers."""
    assert read(RULE.replace("raise_below: 0.40", f"raise_below: {written}")) == read(RULE)
    assert read(RULE.replace("[34.10]", '["34.10"]')) == read(RULE)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ("kind: people, direction: above, measure: registered, raise_at: 5, clear_below: 5",
         rules.People(Lines(Direction.ABOVE, Fraction(5), Fraction(5)), "registered", None)),
        ("kind: share, direction: above, measure: active, slice: {payer: csr}, raise_at: 0.5, clear_below: 0.1",
         rules.Share(Lines(Direction.ABOVE, Fraction(1, 2), Fraction(1, 10)), "active", rules.Slice("payer", "csr"))),
        ("kind: fall, measure: active, window: 30d, raise_at: 0.05, clear_below: 0.02",
         rules.Fall(Lines(Direction.ABOVE, Fraction(1, 20), Fraction(1, 50)), "active", "30d")),
        ("kind: quota, group: vulnerable, count: not_passing, raise_at: 5, clear_below: 3",
         rules.Quota(Lines(Direction.ABOVE, Fraction(5), Fraction(3)), "vulnerable", "not_passing")),
        ("kind: behind, measure: active, basis: vulnerable, raise_at: 5, clear_below: 3",
         rules.Behind(Lines(Direction.ABOVE, Fraction(5), Fraction(3)), "active", "vulnerable")),
        ("kind: forecast, measure: active, raise_at: 30, clear_below: -3",
         rules.Forecast(Lines(Direction.ABOVE, Fraction(30), Fraction(-3)), "active", "workers")),
        ("kind: lapse_ahead, window: 60d, payers: [csr], unit: share, raise_at: 0.5, clear_below: 0.4",
         rules.LapseAhead(Lines(Direction.ABOVE, Fraction(1, 2), Fraction(2, 5)), "60d", ("csr",), "share")),
        ("kind: designation, states: [none, eligible]", rules.Designated(frozenset({"none", "eligible"}))),
        ("kind: silence, source: bpjs, after: 3d", rules.Silent("bpjs", 259_200_000)),
    ],
)  # fmt: skip
def test_each_kind_is_read(fields: str, kind: rules.Kind) -> None:
    """With its own fields and no others; the published schema takes it too."""
    text = f"rules: [{{id: a, title: {{id: a, en: b}}, hears: [camat], {fields}}}]"
    assert read(text)[0].kind == kind
    jsonschema.validate(yaml.safe_load(text), SCHEMA)
    assert "no such field" in refusal(text.replace("hears", "milestone: 1, hears"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hears: [bupati, bupati]", "hear: [bupati]",
         ["11: hear: there is no such field", "2: hears: this field is missing"]),
        ("kind: threshold", "kind: treshold", ["2: rules entry low: ", "'threshold', 'people'"]),
        ("measure: active", "measure: actives", ["6: measure: 'actives' is refused", "'registered' or 'active'"]),
        ("[regency]", "[regensi]", ["9: levels.0: 'regensi' is refused"]),
        ("[34.10]", "[34.10, 99]", ["10: regions.1: '99': no region has this code"]),
        ("[34.10]", "[]", ["10: regions: write at least one"]),
        ("[bupati, bupati]", "[walikota]", ["11: hears.0: 'walikota' is refused", "'bupati'"]),
        ("[bupati, bupati]", "[]", ["11: hears: write at least one"]),
        ("id: low", "id: Low", ["2: rules entry Low, id: 'Low' is refused"]),
        ("id: low", f"id: {'a' * 65}", ["id: 'aaa"]),
        ("clear_at: 0.45", "clear_at: 0.39", ["8: clear_at: it must be at least raise_below"]),
        ("clear_at: 0.45", "clear_below: 0.45", ["direction below: write raise_below and clear_at, and no other line"]),
        ("clear_at: 0.45", "clear_at: 40%", ["8: clear_at: '40%' is refused: write a decimal"]),
        ("clear_at: 0.45", "clear_at: .inf", ["8: "]), ("clear_at: 0.45", "clear_at: 1e9", ["8: "]),
        ("en: low", "en: ''", ["3: title.en: '' is refused: write one line"]),
        ("{id: rendah, en: low}", "{id: rendah}",
         ["3: title.en: this field is missing"]),
        ("    kind:", "    hold_for: 90\n    kind:", ["4: hold_for: '90' is refused"]),
        ("    kind:", "    repeat_every: 59s\n    kind:", ["4: repeat_every: write at least 1m"]),
        ("    kind:", "    escalate: [{after: 0s, hears: [camat]}]\n    kind:", ["4: escalate: each `after`"]),
        ("    kind:", "    escalate: [{after: 1h, hears: [camat]}, {after: 60m, hears: [camat]}]\n    kind:",
         ["escalate: each"]),
        ("    kind:", "    muted_by: [gone]\n    kind:", ["4: muted_by.0: 'gone': no rule has this id"]),
        ("    kind:", "    muted_by: [low]\n    kind:", ["4: muted_by: the rule mutes itself"]),
        ("    kind:", "    tell_recovery: maybe\n    kind:", ["4: tell_recovery: 'maybe' is refused"]),
        ("    kind:", "    kind: people\n    kind:", ["5: kind: this key stands here twice"]),
        ("kind: threshold", "kind: &a threshold", ["4: &a: anchors are refused"]),
        ("kind: threshold", "kind: *a", ["4: *a: aliases are refused"]),
        ("kind: threshold", "kind: !!python/object:os.system x", ["4: the tag", "is refused"]),
        ("rules:", "rule:", ["1: rule: there is no such field", "rules: this field is missing"]),
        ("kind: threshold", "kind: [threshold", ["5: this is no YAML"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(old: str, new: str, said: list[str]) -> None:
    """Each refusal names file, line, entry, field and what to do."""
    found = refusal(RULE.replace(old, new, 1)).replace("rules entry low, ", "")
    assert all(part in found for part in said), found
    assert all(re.match(r"rules\.yaml:\d+: ", line) for line in found.splitlines())


def test_all_faults_are_told_at_once() -> None:
    """Two wrong fields are two lines."""
    assert len(refusal(RULE.replace("active", "x").replace("regency", "y")).splitlines()) == 2


def test_no_two_rules_share_an_id() -> None:
    """The second one's line is named."""
    twice = RULE + RULE.removeprefix("rules:\n")
    assert refusal(twice) == "rules.yaml:12: rules entry low, id: another rule has this id; give each its own"


def test_a_ring_of_muting_is_refused_through_others() -> None:
    """a mutes b, b mutes a; c, which a mutes, is in no ring."""
    ring = "rules:\n" + "".join(
        RULE.removeprefix("rules:\n").replace("id: low", f"id: {rule}\n    muted_by: [{by}]")
        for rule, by in (("a", "b"), ("b", "a"), ("c", "a"))
    )
    assert [line.split(",")[0] for line in refusal(ring).splitlines()] == [
        "rules.yaml:3: rules entry a", "rules.yaml:14: rules entry b",
    ]  # fmt: skip


def test_a_bomb_is_refused_before_it_swells() -> None:
    """Neither by aliases nor by depth."""
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: [*b, *b]\n" for n in range(99))
    assert "anchors are refused" in refusal(bomb)
    assert "nested more than 20 deep" in refusal("rules: " + "[" * 100_000)


def test_other_files_are_refused() -> None:
    """Two documents, keys that are no text, no rules at all."""
    assert "a second document begins here" in refusal("rules: []\n---\nrules: []\n")
    assert "a key must be text" in refusal("? [a]\n: b\n")
    assert "write fields and their values" in refusal("")
    assert "write fields and their values" in refusal("- a")
    assert "write a list" in refusal("rules: 5")


def test_the_published_schema_takes_a_file_of_every_field() -> None:
    """A file that is read is valid by docs/contracts, numbers quoted or not."""
    document: Any = yaml.safe_load(RULE + EVERY_FIELD)
    jsonschema.validate(document, SCHEMA)
