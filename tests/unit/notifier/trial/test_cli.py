"""`cakupan-notifier rules check|trace|test`: what they print, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from services.notifier.cli import app
from tests.alerts_trace import at, official, rule, snap

RUN = CliRunner()
OFFICIALS = {"officials": [official("g")]}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A file with a rule, beside a file with an official."""
    _write(tmp_path / "officials.yaml", OFFICIALS)
    return _write(tmp_path / "rules.yaml", {"rules": [rule()]})


def _write(file: Path, content: Any) -> Path:
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def traced(rules: Path, *lines: Any) -> Result:
    """Return what `rules trace` makes of these lines."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    events = _write(rules.parent / "events.ndjson", text)
    officials = str(rules.parent / "officials.yaml")
    return RUN.invoke(app, ["rules", "trace", "--rules", str(rules), "--officials", officials, "--input", str(events)])


def test_check_says_that_a_file_is_right_or_what_is_wrong(rules: Path) -> None:
    """Exit code 1 with file and line."""
    assert RUN.invoke(app, ["rules", "check", str(rules)]).exit_code == 0
    _write(rules, {"rules": [rule(regions=["99"])]})
    found = RUN.invoke(app, ["rules", "check", str(rules)])
    assert (found.exit_code, found.stdout) == (1, "")
    assert f"{rules}:14: rules entry low, regions.0: '99': no region has this code" in found.stderr


def test_trace_prints_a_line_for_each_decision(rules: Path) -> None:
    """In the form of the page, in the order of instants."""
    quiet = {"id": "s", "rules": None, "regions": ["ID"], "until": "2026-03-03T10:05:00Z"}
    found = traced(
        rules, snap(0, 50, potential={}), snap(1, 39), at(2, silence=quiet),
        snap(3, 50), at(3, officials={"officials": []}), snap(4, 39), "",
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    message = {
        "at": "2026-03-03T10:01:00.000Z", "what": "message", "official": "g", "channel": "email:g@x",
        "occasion": "raised", "alerts": [{"rule": "low", "region": "11", "episode": 1, "because": "potential"}],
        "id": lines[1]["id"],
    }  # fmt: skip
    assert lines[:2] == [
        {
            "at": "2026-03-03T10:01:00.000Z", "t": "2026-03-03T10:01:00.000Z", "what": "move", "rule": "low",
            "region": "11", "episode": 1, "from": "ok", "to": "firing", "reason": "raised", "because": "potential",
        },
        message,
    ]  # fmt: skip
    assert lines[-1] == {
        "at": "2026-03-03T10:04:00.000Z", "what": "vacancy", "rule": "low", "region": "11", "role": "gubernur",
    }  # fmt: skip


def test_a_files_content_may_be_its_text_or_its_value(rules: Path) -> None:
    """Both are read as written: 0.40 is no binary number, 11.10 no 34.1."""
    text = yaml.safe_dump({"rules": [rule("b", regions=["11.10"], levels=None)]}).replace("'11.10'", "11.10")
    written = json.dumps(at(0, rules={"rules": [rule("b", regions=["11.10"], levels=None)]}))
    value = written.replace('"11.10"', "11.10").replace('"0.40"', "0.40")
    for line in (at(0, rules=text), value):
        found = traced(rules, line, snap(1, 39, "11.10"))
        assert found.exit_code == 0, found.stderr
        assert json.loads(found.stdout.splitlines()[0])["region"] == "11.10", found.stderr


def test_rules_that_are_refused_leave_those_in_force(rules: Path) -> None:
    """The refusal is named with the event's line; the trace goes on."""
    found = traced(rules, at(0, rules={"rules": [rule(hears=["x"])]}), snap(1, 39))
    assert "events.ndjson:1: rules: rules entry low, hears.0: 'x' is refused" in found.stderr
    assert found.exit_code == 0
    assert len(found.stdout.splitlines()) == 2


def test_unknown_fields_of_a_snapshot_are_ignored(rules: Path) -> None:
    """A later version may have more."""
    assert len(traced(rules, snap(1, 39, mood="good")).stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "this is no JSON object"), ("[]", "this is no JSON object"), ("{}", "write `at`"),
        ({"at": "now"}, "at = 'now': write an instant with its zone"),
        ({"at": "2026-03-03T10:00:00"}, "write an instant with its zone"),
        ({"at": 5}, "write an instant"), (at(-1), "at goes back"), (at(5, snapshots={}), "found at, snapshots"),
        (at(5, ack={}, unsilence={}), "at most one of"), (at(5, snapshot={}), "this is no snapshot"),
        (at(5, snapshot=[]), "this is no snapshot"), (snap(5, 39, registered="39"), "this is no snapshot"),
        (snap(5, 39, registered=-1), "this is no snapshot"), (snap(5, 39, name=None), "this is no snapshot"),
        (snap(5, 39, level="village"), "this is no snapshot"),
        (snap(5, 39, recorded_at="2026-03-03"), "this is no snapshot"),
        (snap(5, 39, fed_at={"a": "2026-03-03T10:00:00"}), "fed_at: write instants with their zone"),
        (at(5, ack={"rule": "low"}), "ack: official: this field is missing"),
        (at(5, silence={"id": "s", "regions": ["ID"], "until": "soon"}), "until = 'soon'"),
        (at(5, unsilence={"id": "s", "x": 1}), "x: there is no such field"),
    ],
)  # fmt: skip
def test_garbage_is_refused_with_its_line(rules: Path, line: Any, said: str) -> None:
    """Exit code 1; what was decided before it stays printed."""
    found = traced(rules, snap(0, 39), line)
    assert found.exit_code == 1
    assert "events.ndjson:2: " in found.stderr
    assert said in found.stderr
    assert len(found.stdout.splitlines()) == 2


TESTS = """\
rules: rules.yaml
officials: officials.yaml
start: 2026-03-03T10:00:00Z
tests:
  - name: a fall is told
    lines: [message]
    events:
      - {at: 0s, snapshot: {region: 11, active: 50, potential: {workers: 100}}}
      - {at: 1h, snapshot: {region: 11, active: 39, potential: {workers: 100}}}
      - {at: 2h, silence: {id: s, rules: null, regions: [11], until: 3h}}
      - {at: 4h}
    expect:
      - {at: 1h, official: g, occasion: raised, alerts: [{region: 11, episode: 1}]}
"""


def test_tests_of_rules_pass(rules: Path) -> None:
    """An expected line names what matters."""
    found = RUN.invoke(app, ["rules", "test", str(_write(rules.parent / "tests.yaml", TESTS))])
    assert (found.exit_code, found.stdout) == (0, "ok  a fall is told\n"), found.output


def test_a_test_that_fails_shows_the_difference(rules: Path) -> None:
    """Expected lines with a minus, those that came instead with a plus."""
    wrong = TESTS.replace("official: g", "official: h")
    found = RUN.invoke(app, ["rules", "test", str(_write(rules.parent / "tests.yaml", wrong))])
    assert found.exit_code == 1
    assert found.stdout.splitlines()[0] == "FAILED  a fall is told"
    assert [line for line in found.stdout.splitlines() if line[:4] in ("-at:", "+at:")] == [
        '-at: 2026-03-03T11:00:00.000Z, official: h, occasion: raised, alerts: [{"region": "11", "episode": "1"}]',
        "+at: 2026-03-03T11:00:00.000Z, what: message, official: g, channel: email:g@x, occasion: raised, alerts: "
        '[{"rule": "low", "region": "11", "episode": "1"}]',
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: a fall", "title: a fall", "tests.yaml:5: "), ("at: 1h, off", "at: soon, off", "write an instant"),
        ("region: 11, active: 39", "region: 99, active: 39", "no region has this code"),
        ("active: 39", "active: few", "event 2: "), ("rules: rules.yaml", "rules: r.yaml", "r.yaml cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_tests_is_refused(rules: Path, old: str, new: str, said: str) -> None:
    """With file, line or event."""
    found = RUN.invoke(app, ["rules", "test", str(_write(rules.parent / "tests.yaml", TESTS.replace(old, new, 1)))])
    assert found.exit_code == 1
    assert said in found.stderr
