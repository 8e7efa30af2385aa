"""A small bar chart as PNG: the region against level and target, and the regions below that contributed most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from shared.drawing.chart import BLUE, INK, ORANGE
from shared.drawing.picture import png_of_svg
from shared.drawing.svg import element

WIDTH: Final = 360
"""Units of a chart: the pixels of a phone, so that its letters are as large there as the text."""
_LETTERS: Final = 13
_EDGE: Final = 8
"""Space at the left and the right."""
_ROW: Final = 40
"""Height of a bar with its label above it."""
_BAR: Final = 16
_MARK_LINE: Final = 18
"""Height of a mark's label."""
_LIGHT_BLUE: Final = "#5E9FD0"
_LABEL_LENGTH: Final = 30
"""Characters of a name beside its figure; a longer one is cut."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value from 0, with its name and the value in words."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A value that all bars are compared with, such as the rule's level."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars on one scale. `leads`: the first bar is the region itself."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...] = ()
    leads: bool = False


def bar_chart_png(chart: Chart) -> bytes:
    """Return the chart as PNG; the same for the same chart."""
    top = _MARK_LINE * len(chart.marks) + 2
    height = top + _ROW * len(chart.bars) + _EDGE
    highest = max((each.value for each in (*chart.bars, *chart.marks)), default=0)
    scale = (WIDTH - 2 * _EDGE) / highest if highest > 0 else 0
    drawn = [
        *(_bar(bar, top + _ROW * n, scale, BLUE if chart.leads and n == 0 else _LIGHT_BLUE)
          for n, bar in enumerate(chart.bars)),
        *(_mark(mark, n, top + _ROW * len(chart.bars), scale) for n, mark in enumerate(chart.marks)),
    ]  # fmt: skip
    return png_of_svg(
        element(
            "svg", *drawn, xmlns="http://www.w3.org/2000/svg", width=WIDTH, height=height,
            viewBox=f"0 0 {WIDTH} {height}", font_family="Hanken Grotesk, sans-serif", font_size=_LETTERS, fill=INK,
        )
    )  # fmt: skip


def _bar(bar: Bar, top: float, scale: float, colour: str) -> Markup:
    base = top + _LETTERS + 2
    label = bar.label if len(bar.label) <= _LABEL_LENGTH else bar.label[: _LABEL_LENGTH - 1] + "…"
    return Markup("").join(
        [
            element("text", label, x=_EDGE, y=base),
            element("text", bar.text, x=WIDTH - _EDGE, y=base, text_anchor="end", font_weight="bold"),
            # A bar of 0 shows where 0 is.
            element("rect", x=_EDGE, y=base + 5, width=max(1, bar.value * scale), height=_BAR, fill=colour),
        ]
    )


def _mark(mark: Mark, at: int, bottom: float, scale: float) -> Markup:
    x, top = _EDGE + mark.value * scale, _MARK_LINE * at
    right = x > WIDTH / 2
    return Markup("").join(
        [
            element("line", x1=x, x2=x, y1=top + 3, y2=bottom, stroke=ORANGE, stroke_width=2, stroke_dasharray="4 3"),
            element(
                "text", mark.label, x=x - 5 if right else x + 5, y=top + _LETTERS, fill=ORANGE,
                text_anchor="end" if right else "start",
            ),
        ]
    )  # fmt: skip


