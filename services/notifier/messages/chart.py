"""A small bar chart as PNG: the region against level and target, and the regions below that contributed most.

Pillow draws it in a few milliseconds; ADR 0038 compares this with SVG.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from itertools import chain
from typing import Final

from PIL import Image, ImageColor, ImageDraw, ImageFont

from shared.drawing.chart import BLUE, INK, ORANGE, WIDTH

_SHARP: Final = 2
"""Pixels a unit: phones show two or three."""
_LETTERS: Final = 13
_EDGE: Final = 8
"""Space at the left and the right, in units as all that follows."""
_ROW: Final = 40
"""Height of a bar with its label above it."""
_BAR: Final = 16
_MARK: Final = 18
"""Height of a mark's label."""
_BAR_TOP: Final = 21
"""From the top of a row to its bar."""
_PALE: Final = "#5C7899"
"""Two thirds of BLUE: the regions below."""
_SHADES: Final = 4
"""Steps of the letters' colours from white, for smooth edges."""
_FOLDER: Final = files("font_hanken_grotesk") / "files"

# Pillow imports its formats when the first picture is made; that would hold the event loop for 20 ms.
Image.preinit()


def _shades(colour: str) -> list[tuple[int, ...]]:
    rgb = ImageColor.getrgb(colour)
    return [tuple(255 - (255 - part) * step // _SHADES for part in rgb) for step in range(1, _SHADES + 1)]


_PALETTE: Final[Sequence[tuple[int, ...]]] = [
    (255, 255, 255), ImageColor.getrgb(BLUE), ImageColor.getrgb(_PALE), *_shades(INK), *_shades(ORANGE),
]  # fmt: skip
"""At most 16 colours, so that a pixel takes half a byte."""
_STEPS: Final = [value * _SHADES // 255 for value in range(256)]
_SHADE_OF: Final = {
    ink: [(_PALETTE.index(ImageColor.getrgb(ink)) - _SHADES + shade) if shade else 0 for shade in _STEPS]
    for ink in (INK, ORANGE)
}
"""From how much of a pixel a letter covers to a colour of the palette."""


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


@lru_cache(maxsize=64)  # Several officials hear of one alert.
def bar_chart_png(chart: Chart) -> bytes:
    """Return the chart as PNG, 720 pixels wide; the same for the same chart."""
    marks = sorted(chart.marks, key=lambda mark: mark.value)
    top = _MARK * len(marks)
    highest = max(*(bar.value for bar in chart.bars), *(mark.value for mark in marks), 0.0)
    scale = (WIDTH - 2 * _EDGE) / highest if highest > 0 else 0
    canvas = _Canvas(top + _ROW * len(chart.bars) + _EDGE)
    for n, bar in enumerate(chart.bars):
        canvas.bar(bar, top + _ROW * n, scale, BLUE if chart.leads and n == 0 else _PALE)
    # Labels stand left of lines at the right, so the highest mark comes first there: no line crosses a label.
    if marks and _EDGE + marks[0].value * scale > WIDTH / 2:
        marks.reverse()
    for n, mark in enumerate(marks):
        canvas.mark(mark, _MARK * n, [top + _ROW * row for row in range(len(chart.bars))], scale)
    return canvas.png()


class _Canvas:
    """Draws in few colours, so that a picture is small and quickly packed. Coordinates are units."""

    def __init__(self, height: float) -> None:
        size = WIDTH * _SHARP, round(height * _SHARP)
        self._image = Image.new("P", size, 0)
        self._image.putpalette(list(chain.from_iterable(_PALETTE)))
        self._draw = ImageDraw.Draw(self._image)

    def bar(self, bar: Bar, top: float, scale: float, colour: str) -> None:
        base = top + _LETTERS + 3
        self._text(WIDTH - _EDGE, base, bar.text, INK, "Bold", ends=True)
        room = WIDTH - 3 * _EDGE - _font("Bold").getlength(bar.text) / _SHARP
        self._text(_EDGE, base, _fitted(bar.label, room), INK, "Medium")
        # A bar of 0 shows where 0 is.
        self._rectangle(_EDGE, top + _BAR_TOP, _EDGE + max(1, bar.value * scale), top + _BAR_TOP + _BAR, colour)

    def mark(self, mark: Mark, top: float, rows: Sequence[float], scale: float) -> None:
        """Draw a line over each bar, and one from the label to the first row."""
        x = _EDGE + mark.value * scale
        self._rectangle(x - 1, top + 4, x + 1, rows[0], ORANGE)
        for row in rows:
            self._rectangle(x - 1, row + _BAR_TOP - 3, x + 1, row + _BAR_TOP + _BAR + 3, ORANGE)
        is_right = x > WIDTH / 2
        self._text(x - 5 if is_right else x + 5, top + _LETTERS, mark.label, ORANGE, "Bold", ends=is_right)

    def png(self) -> bytes:
        """Return the picture."""
        packed = BytesIO()
        self._image.save(packed, "PNG", compress_type=zlib.Z_RLE)
        return packed.getvalue()

    def _text(self, x: float, y: float, text: str, ink: str, weight: str, *, ends: bool = False) -> None:
        """Write on a base line from x on, or up to x. A palette has no smooth edges: each shade has its own colour."""
        letters, left, top = _letters(text, ink, weight, "rs" if ends else "ls")
        self._image.paste(letters, (round(x * _SHARP) + left, round(y * _SHARP) + top))

    def _rectangle(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        corners = (left * _SHARP, top * _SHARP, right * _SHARP - 1, bottom * _SHARP - 1)
        self._draw.rectangle(corners, _PALETTE.index(ImageColor.getrgb(colour)))


@lru_cache(maxsize=256)  # Levels, targets and rounded ratios come again from message to message.
def _letters(text: str, ink: str, weight: str, anchor: str) -> tuple[Image.Image, int, int]:
    """Return the text in colours of the palette, and where its left upper corner is from its anchor, in pixels."""
    font = _font(weight)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor=anchor))
    letters = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(letters).text((-left, -top), text, 255, font, anchor=anchor)
    return letters.point(_SHADE_OF[ink]), left, top


def _fitted(text: str, room: float) -> str:
    """Return the text, cut where it would be wider than `room` units."""
    font = _font("Medium")
    if font.getlength(text) <= room * _SHARP:
        return text
    while text and font.getlength(text + "…") > room * _SHARP:
        text = text[:-1]
    return text + "…"


@cache
def _font(weight: str) -> ImageFont.FreeTypeFont:
    with (_FOLDER / f"HankenGrotesk-{weight}.otf").open("rb") as file:
        return ImageFont.truetype(BytesIO(file.read()), _LETTERS * _SHARP, layout_engine=ImageFont.Layout.BASIC)
