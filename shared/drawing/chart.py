"""Values over time as SVG: a line, the path of its target, and breaks where its definition changed.

The values begin at 0 only if one of them is near: 38% and a target of 40% would else be one line.

All looks are attributes, so the same SVG is a picture in a message. The classes are for forced colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from typing import Final

from markupsafe import Markup

from shared.drawing.labels import Form, Language, bound_label, day_label, value_label
from shared.drawing.svg import Attribute, element, number

WIDTH: Final = 360
HEIGHT: Final = 200
"""Units of a chart: the pixels of a phone, so that its letters are as large there as the text."""
_TOP, _BOTTOM = 22, 174
"""Where the values lie; above is room for a label, below for the days."""
_LEFT, _RIGHT = 8, 352
_LETTERS: Final = 12
"""Size of letters in units."""
_LETTER: Final = 7
"""Width of a digit of that size."""
_ABOVE, _BELOW = -7, 18
"""From a point to the base line of its label."""
_STEPS: Final = 4
"""Most steps between grid lines: more would crowd a phone."""
_NEAR_ZERO: Final = 0.5
"""Values begin at 0 if the least is under this share of the highest."""
_LEAST_RANGE: Final = 0.1
"""The values reach over at least this share of the highest, or one person more of a thousand would look steep."""
_LEAST_STEP: Final = 0.0001
"""A hundredth of a per cent, the least that labels of grid lines say."""
_NEARLY: Final = 1e-9
"""How far floats may be off."""
_MARKED: Final = 16
"""Up to this many points are marked each, as a release gives one a month; more would hide the line."""

BLUE: Final = "#0B3566"
ORANGE: Final = "#B54708"
INK: Final = "#222"
GRID: Final = "#CCC"

_ON_WHITE: Final[Mapping[str, Attribute]] = {
    "stroke": "#FFF", "stroke_width": 3, "stroke_linejoin": "round", "paint_order": "stroke", "class_": "chart-label",
}  # fmt: skip
"""A white edge around letters, which keeps lines off them."""

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "id": {"target": "Target", "from": "dari", "to": "menjadi", "none": "belum ada data", "break": "definisi berubah"},
    "en": {"target": "Target", "from": "from", "to": "to", "none": "no data", "break": "definition changed"},
}


Known = tuple[date, float]


@dataclass(frozen=True, slots=True)
class Point:
    """A value on a day; None if it is not known or not shown, which leaves a gap in the line."""

    day: date
    value: float | None


@dataclass(frozen=True, slots=True)
class Break:
    """From this day on, values mean something else, for this reason."""

    day: date
    reason: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows. Values are at least 0. Points and target are in order of days."""

    caption: str
    points: Sequence[Point]
    form: Form
    language: Language
    target: Sequence[Point] = ()
    breaks: Sequence[Break] = ()
    bound_word: str | None = None
    """What the target is called on the chart; by default "Target"."""

    def first_day(self) -> date:
        """Return the first day of the chart. Raises: ValueError without a point."""
        return min(one.day for one in (*self.points, *self.target))

    def last_day(self) -> date:
        """Return the last day of the chart, which may be the target's."""
        return max(one.day for one in (*self.points, *self.target))

    def breaks_inside(self) -> list[Break]:
        """Return the breaks between the chart's days; at its first day nothing is broken."""
        return [one for one in self.breaks if self.first_day() < one.day <= self.last_day()]


def chart_svg(chart: Chart) -> Markup:
    """Return the chart as one picture with a text alternative.

    Raises: ValueError if it has neither points nor a target, as there is nothing to draw.
    """
    scale = _Scale.of(chart)
    return element(
        "svg", *_lines(scale), *_breaks(chart, scale), *_target(chart, scale), *_line(chart, scale),
        *_labels(chart, scale),
        xmlns="http://www.w3.org/2000/svg", class_="chart", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
        aria_label=summary(chart), font_family="Hanken Grotesk, sans-serif", font_size=_LETTERS, fill=INK,
    )  # fmt: skip


def summary(chart: Chart) -> str:
    """Return what a chart shows in one sentence: the first and last value, the target, the breaks."""
    words, form, language = _WORDS[chart.language], chart.form, chart.language
    known, goals = _known(chart.points), _known(chart.target)
    if not known:
        return f"{chart.caption}: {words['none']}"

    def said(day: date, value: float) -> str:
        return f"{value_label(value, form, language)} ({day_label(day, language)})"

    parts = [f"{chart.caption}: {words['from']} {said(*known[0])} {words['to']} {said(*known[-1])}"]
    parts += [_goal(chart, goals[-1][1])] if goals else []
    parts += [f"{words['break']} {day_label(one.day, language)}: {one.reason}" for one in chart.breaks_inside()]
    return "; ".join(parts)


def pieces(points: Sequence[Point], breaks: Sequence[Break]) -> list[list[Known]]:
    """Return the line's pieces: it ends at a value that is not known, and before a break."""
    found: list[list[Known]] = [[]]
    before = None
    for one in points:
        if one.value is None or (before and any(before < change.day <= one.day for change in breaks)):
            found.append([])
        if one.value is not None:
            found[-1].append((one.day, one.value))
        before = one.day
    return [piece for piece in found if piece]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where days and values are on the chart: `lines` grid lines, the first at `low`, the others each a `step` up.

    To the left of the first day is room for the labels of the lines.
    """

    left: float
    first: date
    days: int
    low: float
    step: float
    lines: int

    @classmethod
    def of(cls, chart: Chart) -> _Scale:
        values = [value for _, value in (*_known(chart.points), *_known(chart.target))] or [0.0]
        least, most = min(values), max(values)
        if least < most * _NEAR_ZERO:
            least = 0.0
        step = _step(max(most - least, most * _LEAST_RANGE), whole=chart.form == "number")
        low = floor(least / step + _NEARLY)
        high = max(low + 1, ceil(most / step - _NEARLY))
        days = max(1, (chart.last_day() - chart.first_day()).days)
        label = max(len(bound_label(at * step, chart.form, chart.language)) for at in range(low, high + 1))
        left = _LEFT + _LETTER * (label + 1)
        return cls(left, chart.first_day(), days, low * step, step, high - low + 1)

    def x(self, day: date) -> float:
        return self.left + (_RIGHT - self.left) * (day - self.first).days / self.days

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - self.low) / (self.step * (self.lines - 1))

    def path(self, points: Sequence[Known]) -> str:
        return "M" + "L".join(f"{number(self.x(day))} {number(self.y(value))}" for day, value in points)

    def values(self) -> list[float]:
        """Return the values of the grid lines."""
        return [self.low + count * self.step for count in range(self.lines)]


def _step(span: float, *, whole: bool) -> float:
    """Return 1, 2 or 5 times a power of ten: the least of which `_STEPS` cover the span."""
    rough = max(span / _STEPS, 1 if whole else _LEAST_STEP)
    power = 10.0 ** floor(log10(rough))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - _NEARLY))


def _lines(scale: _Scale) -> Iterator[Markup]:
    for value in scale.values():
        across = f"M{_LEFT} {number(scale.y(value))}H{_RIGHT}"
        yield element("path", d=across, stroke=GRID if value else INK, class_="chart-grid")


def _labels(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    """Yield the labels of grid lines and of the first and last day."""
    for value in scale.values():
        text = bound_label(value, chart.form, chart.language)
        yield element("text", text, x=_LEFT, y=scale.y(value) - 3)
    for day, anchor in {chart.last_day(): "end", chart.first_day(): "start"}.items():
        yield element("text", day_label(day, chart.language), x=scale.x(day), y=HEIGHT - 8, text_anchor=anchor)


def _breaks(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    for count, one in enumerate(chart.breaks_inside(), 1):
        x = scale.x(one.day)
        down = f"M{number(x)} {_TOP - 4}V{_BOTTOM}"
        yield element("path", d=down, stroke=INK, stroke_dasharray="2 3", class_="chart-break")
        yield element("text", str(count), x=x, y=_TOP - 8, text_anchor="middle", font_weight="bold")


def _target(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    goals = _known(chart.target)
    if goals:
        yield element(
            "path", d=scale.path(goals), fill="none", stroke=ORANGE, stroke_width=1.5, stroke_dasharray="6 3",
            class_="chart-target",
        )  # fmt: skip
        yield _label(_goal(chart, goals[-1][1]), scale, goals[-1:], under=not _is_short(chart))


def _line(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    known, parts = _known(chart.points), pieces(chart.points, chart.breaks)
    for piece in parts:
        if len(piece) > 1:
            yield element("path", d=scale.path(piece), fill="none", stroke=BLUE, stroke_width=2.5, class_="chart-line")
    alone = [piece[0] for piece in parts if len(piece) == 1]
    for day, value in known if len(known) <= _MARKED else dict.fromkeys([*alone, known[-1]]):
        yield element("circle", cx=scale.x(day), cy=scale.y(value), r=3, fill=BLUE, class_="chart-point")
    if known:
        text = value_label(known[-1][1], chart.form, chart.language)
        yield _label(text, scale, known, under=_is_short(chart), weight="bold")


def _label(text: str, scale: _Scale, points: Sequence[Known], *, under: bool, weight: str | None = None) -> Markup:
    """Return the label of the last point, under or above the points that it would lie on."""
    x = scale.x(points[-1][0])
    near = [scale.y(value) for day, value in points if scale.x(day) >= x - _LETTER * len(text)]
    y = max(near) if under else min(near)
    # No label leaves the chart, nor does it lie on the days.
    y = min(y + _BELOW, _BOTTOM - 4) if under else max(y + _ABOVE, _LETTERS)
    anchor = "end" if x > WIDTH / 2 else "start"
    return element("text", text, x=x, y=y, text_anchor=anchor, font_weight=weight, **_ON_WHITE)


def _goal(chart: Chart, value: float) -> str:
    word = chart.bound_word or _WORDS[chart.language]["target"]
    return f"{word} {bound_label(value, chart.form, chart.language)}"


def _is_short(chart: Chart) -> bool:
    """Say whether the last value is under the last target, so that their labels go to the outer sides."""
    known, goals = _known(chart.points), _known(chart.target)
    return bool(known and goals) and known[-1][1] < goals[-1][1]


def _known(points: Sequence[Point]) -> list[Known]:
    return [(one.day, one.value) for one in points if one.value is not None]
