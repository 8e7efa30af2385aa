"""A backtest as tables in the terminal, and as a chart in SVG: a row a rule and an official, a bar a week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from markupsafe import Markup
from rich.table import Table

from services.notifier.trial.backtest import Backtest, OfficialResult, RuleResult
from shared.drawing.svg import element

_BARS: Final = " ▁▂▃▄▅▆▇█"
_WIDTH: Final = 900
_LEFT: Final = 230
"""Room for names: ids are up to 64 characters, and longer than 32 are cut."""
_NUMBERS: Final = 60
_ROW: Final = 26
_BAR: Final = 18
_LETTERS: Final = 12
_NAME: Final = 32


def rule_table(backtest: Backtest) -> Table:
    """Return a row a rule: how often it would have fired, how long, and how much it would have told."""
    table = _table("Rules: alerts raised, in how many regions, days one lasts (median), how many fire at the end, told")
    for column in ("raised", "regions", "days", "firing", "messages", "officials"):
        table.add_column(column, justify="right")
    table.add_column("raised a week", overflow="fold")
    if unknown := [rule.rule for rule in backtest.rules.values() if not rule.judged]:
        table.caption = f"– : not tried, since only the present is known of what they look at: {', '.join(unknown)}"
    for rule in backtest.rules.values():
        table.add_row(rule.rule, *_rule_cells(rule), sparkline(rule.weeks, backtest.weeks))
    return table


def official_table(backtest: Backtest) -> Table:
    """Return a row an official who would have heard: how many messages, and in the busiest week."""
    table = _table("Officials: messages of all rules")
    for column in ("messages", "a week", "most in a week"):
        table.add_column(column, justify="right")
    table.add_column("messages a week", overflow="fold")
    for official in _heard(backtest):
        mean = f"{official.messages / backtest.weeks:.1f}"
        line = sparkline(official.weeks, backtest.weeks)
        table.add_row(official.official, str(official.messages), mean, str(official.most), line)
    return table


def _table(title: str) -> Table:
    """Return a table whose first column is never cut."""
    table = Table(title=title)
    table.add_column("id", no_wrap=True)
    return table


def sparkline(weeks: Mapping[int, int], count: int) -> str:
    """Return a bar a week; the highest is full."""
    highest = max(weeks.values(), default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-weeks.get(week, 0) * steps // highest)] if highest else " " for week in range(count))


class _Row(NamedTuple):
    name: str
    weeks: Mapping[int, int]
    total: int
    colour: str


def chart_svg(backtest: Backtest) -> str:
    """Return the chart: above the alerts that each rule would have raised, below each official's messages."""
    rules = [_Row(rule.rule, rule.weeks, rule.raised, "#0b3566") for rule in backtest.rules.values() if rule.judged]
    officials = [_Row(one.official, one.weeks, one.messages, "#b35900") for one in _heard(backtest)]
    parts: list[Markup] = []
    y = _section(parts, "Alerts raised a week, by rule", rules, backtest.weeks, 0)
    y = _section(parts, "Messages a week, by official", officials, backtest.weeks, y)
    start = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=backtest.start_ms)
    end = start + timedelta(weeks=backtest.weeks)
    parts += [_text(_LEFT, y + 16, f"{start:%Y-%m-%d}"), _text(_WIDTH - _NUMBERS, y + 16, f"{end:%Y-%m-%d}", "end")]
    height = y + 28
    return str(
        element(
            "svg", element("rect", width=_WIDTH, height=height, fill="#ffffff"), *parts,
            xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {height}", font_family="sans-serif",
            font_size=_LETTERS, role="img", aria_label="What the rules would have told, week by week",
        )
    )  # fmt: skip


def _section(parts: list[Markup], title: str, rows: list[_Row], weeks: int, y: int) -> int:
    """Add a title and its rows; return where the next begins. Each row's highest bar is full and has its number."""
    parts.append(element("text", title, x=8, y=y + 20, font_weight="bold"))
    y += 30
    width = (_WIDTH - _LEFT - _NUMBERS) / weeks
    for row in rows:
        name = row.name if len(row.name) <= _NAME else row.name[: _NAME - 1] + "…"
        highest = max(row.weeks.values(), default=0)
        about = f"{row.name}: {row.total}, at most {highest} in a week"
        bars = [
            element(
                "rect", x=_LEFT + week * width, y=y + _BAR * (1 - number / highest), width=max(width - 1, 0.5),
                height=_BAR * number / highest, fill=row.colour,
            )
            for week, number in sorted(row.weeks.items())
        ]  # fmt: skip
        base = element("line", x1=_LEFT, x2=_WIDTH - _NUMBERS, y1=y + _BAR, y2=y + _BAR, stroke="#d0d0d0")
        label = _text(_WIDTH - _NUMBERS + 6, y + 14, f"{row.total} (≤{highest})" if highest else "0")
        parts.append(element("g", element("title", about), _text(8, y + 14, name), base, *bars, label))
        y += _ROW
    return y


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor)


def _heard(backtest: Backtest) -> Iterator[OfficialResult]:
    """Yield those who would have heard, who heard most in a week first."""
    heard = (official for official in backtest.officials.values() if official.messages)
    yield from sorted(heard, key=lambda one: (-one.most, -one.messages, one.official))


def _rule_cells(rule: RuleResult) -> Iterator[str]:
    if not rule.judged:
        yield from ("–", "–", "–", "–", "–", "–")
        return
    yield from (str(rule.raised), str(len(rule.regions)))
    yield "" if rule.median_days is None else f"{rule.median_days:.1f}"
    yield from (str(rule.firing), str(rule.messages), str(len(rule.heard)))
