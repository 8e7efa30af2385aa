"""`rules backtest`: history from a stand-in of coverage, through the engine, as tables and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from services.notifier.engine.directory import Official
from services.notifier.engine.rules import Rule
from services.notifier.files.official_files import officials_of
from services.notifier.files.rule_files import rules_of
from services.notifier.files.yaml_lines import Document
from services.notifier.trial import cli
from services.notifier.trial.backtest import Backtest, backtested
from services.notifier.trial.backtest_report import chart_svg, sparkline
from services.notifier.trial.history import History
from shared.regions.catalogue import catalogue
from shared.runtime.errors import PermanentError, TransientError
from tests.alerts_trace import official, rule
from tests.factories_notifier import NOW, snapshot

START = date(2026, 1, 5)
OFFICIALS = [official("g"), official("b", "bupati", "11.01")]
RULES = [
    rule(),
    rule("falls", levels=["regency"], hears=["bupati"]),
    rule("silent", kind="silence", source="bpjs/aceh", after="1d", measure=None, direction=None, raise_below=None,
         clear_at=None),
]  # fmt: skip


def read(*rules: dict[str, Any]) -> tuple[Rule, ...]:
    """Return rules as a file has them."""
    return rules_of(Document({"rules": list(rules)}), "rules", lambda _: True)


def read_officials() -> tuple[Official, ...]:
    """Return the officials."""
    return officials_of(Document({"officials": OFFICIALS}), "officials", lambda _: True)


def coverage(asked: list[str], low: Sequence[int] = ()) -> httpx.MockTransport:
    """Return a coverage service where on days so many after START active people are 30 %, else 50 %."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url).removeprefix("http://c"))
        assert request.headers["authorization"] == "Bearer t"
        day = (date.fromisoformat(request.url.params["as_of"]) - START).days
        active = 30 if day in low else 50
        if not request.url.path.endswith("/children"):
            return httpx.Response(200, content=msgspec.json.encode(snapshot(active, potential_workers=100, at=NOW)))
        codes = ["11.01"] if "cursor" not in request.url.params else ["11.02"]
        items = [snapshot(active, region=code, potential_workers=100, at=NOW) for code in codes]
        page = {"items": items, "next": "x" if codes == ["11.01"] else None}
        return httpx.Response(200, content=msgspec.json.encode(page))

    return httpx.MockTransport(answer)


def tried(low: Sequence[int], days: int = 28) -> Backtest:
    """Return the backtest of RULES over so many days."""
    rules = read(*RULES)
    history = History("http://c", "t", "11", rules, catalogue(), coverage([], low))
    dates = [START + timedelta(days=n) for n in range(days)]
    events = (event for day in dates for event in history.of(day, known_then=False))
    return backtested(rules, read_officials(), events, dates)


def test_only_what_rules_look_at_is_asked_for() -> None:
    """Page by page, as of the day; with what was known then if that is wanted."""
    asked: list[str] = []
    history = History("http://c/", "t", "11", read(*RULES), catalogue(), coverage(asked))
    found = history.of(START, known_then=True)
    assert [event.snapshot.region for _, event in found] == ["11", "11.01", "11.02"]
    assert all(event.snapshot.as_of.isoformat() == "2026-01-05T23:59:59.999000+07:00" for _, event in found)
    query = "as_of=2026-01-05&known_at=2026-01-05"
    assert sorted(asked) == [
        f"/v1/regions/11/children?{query}&limit=500", f"/v1/regions/11/children?{query}&limit=500&cursor=x",
        f"/v1/regions/11?{query}",
    ]  # fmt: skip
    asked.clear()
    History("http://c", "t", "11", read(rule()), catalogue(), coverage(asked)).of(START, known_then=False)
    assert asked == ["/v1/regions/11?as_of=2026-01-05"]


def test_rules_of_villages_ask_every_district() -> None:
    """And rules of named regions only what is above these."""
    villages = History("http://c", "t", "11.01", read(rule(levels=["village"], hears=["camat"])), catalogue())
    assert villages._parents == list(catalogue().children("11.01"))
    named = History("http://c", "t", "ID", read(rule(levels=None, regions=["11.01", "12"])), catalogue())
    assert named._parents == ["ID", "11"]


def test_an_answer_that_is_none_says_where() -> None:
    """A refusal shows coverage's own words."""
    for answer, error, said in (
        (httpx.Response(403, text="no"), PermanentError, "answered 403: no"),
        (httpx.ConnectError("x"), TransientError, "is coverage up"),
    ):

        def handle(_: httpx.Request, answer: Any = answer) -> httpx.Response:
            if isinstance(answer, Exception):
                raise answer
            return answer  # type: ignore[no-any-return]

        history = History("http://c", "t", "11", read(rule()), catalogue(), httpx.MockTransport(handle))
        with pytest.raises(error, match=said):
            history.of(START, known_then=False)


def test_alerts_and_messages_are_counted_by_rule_and_official() -> None:
    """How often, how long, where, to whom; what looks at the present only is not judged."""
    found = tried([3, 4, 20])
    low, falls, silent = (found.rules[id_] for id_ in ("low", "falls", "silent"))
    assert (low.raised, low.lasted_ms, low.median_days, low.firing) == (2, [2 * 86_400_000, 86_400_000], 1.5, 0)
    assert (low.messages, low.heard, dict(low.weeks)) == (4, {"g"}, {0: 1, 2: 1})
    assert (falls.raised, falls.regions, falls.heard) == (4, {"11.01", "11.02"}, {"b"})
    assert (silent.judged, silent.raised) == (False, 0)
    assert {one.official: (one.messages, one.most) for one in found.officials.values()} == {"g": (4, 2), "b": (4, 2)}
    assert tried([27]).rules["low"].firing == 1


def test_two_channels_are_one_message() -> None:
    """An official reads it once."""
    rules = read(rule())
    twice = officials_of(Document({"officials": [official("g", "gubernur", "11", "a@x", "b@x")]}), "o", lambda _: True)
    history = History("http://c", "t", "11", rules, catalogue(), coverage([], [0]))
    found = backtested(rules, twice, history.of(START, known_then=False), [START])
    assert (found.officials["g"].messages, found.weeks) == (1, 1)


def test_the_chart_is_an_svg_with_a_bar_a_week_that_has_one() -> None:
    """Rules that could not be tried are not in it; officials who heard nothing neither."""
    svg = ElementTree.fromstring(chart_svg(tried([3, 4, 20])))
    titles = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [
        "falls: 4, at most 2 in a week", "low: 2, at most 1 in a week", "b: 4, at most 2 in a week",
        "g: 4, at most 2 in a week",
    ]  # fmt: skip
    bars = [one for one in svg.iter("{http://www.w3.org/2000/svg}rect") if one.get("fill") != "#ffffff"]
    assert len(bars) == 10
    ElementTree.fromstring(chart_svg(tried([])))


def test_a_sparkline_has_a_sign_a_week() -> None:
    """The highest is full, none is blank."""
    assert sparkline({0: 1, 2: 8}, 4) == "▁ █ "
    assert sparkline({}, 2) == "  "


def test_the_command_prints_tables_and_writes_the_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And refuses days in the wrong order and regions that are none."""
    rules, officials, token = (tmp_path / name for name in ("rules.yaml", "officials.yaml", "token"))
    rules.write_text(yaml.safe_dump({"rules": RULES}))
    officials.write_text(yaml.safe_dump({"officials": OFFICIALS}))
    token.write_text("t\n")

    monkeypatch.setattr(cli, "History", partial(History, transport=coverage([], [3, 4])))
    base = ["backtest", "--rules", rules, "--officials", officials, "--url", "http://c", "--token-file", token]
    asked = [*base, "--from", START, "--to", START + timedelta(days=9), "--region", "11", "--svg", tmp_path / "c.svg"]
    done = CliRunner().invoke(cli.rules, [str(one) for one in asked], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    for said in ("low", "falls", "not tried", "silent", "most in a week"):
        assert said in done.output
    assert (tmp_path / "c.svg").read_text().startswith("<svg")
    for wrong in (["--from", START, "--to", START - timedelta(days=1)], [*asked[-8:-4], "--region", "99"]):
        refused = CliRunner().invoke(cli.rules, [str(one) for one in [*base, *wrong]])
        assert (refused.exit_code, "--region must be a code in force" in refused.output) == (1, True)
