"""Charts as PNG, for mail: many readers of mail show no SVG."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from itertools import chain
from typing import Final

from PIL import Image, ImageColor
from resvg_py import svg_to_bytes

from shared.drawing.chart import BLUE, GRID, INK, ORANGE, WIDTH, Chart, Point, chart_svg
from shared.drawing.labels import Form, Language

_SHARP: Final = 2
"""Pixels a unit: phones show two or three."""
_FONTS: Final = ("HankenGrotesk-Medium.otf", "HankenGrotesk-Bold.otf")
_SHADES: Final = 3
"""Steps of each colour from white: fewer look ragged, more make a file of twice the bytes."""
_LEVEL_WORDS: Final[dict[Language, str]] = {"id": "Batas", "en": "Level"}


def history_chart_png(points: Sequence[Point], level: float, language: Language, form: Form = "ratio") -> bytes:
    """Return a PNG of the points and of a rule's level across them; at most 8 KB for 90 points.

    Raises: ValueError without points.
    """
    days = [one.day for one in points]
    bound = [Point(min(days), level), Point(max(days), level)]
    chart = Chart("", points, form, language, target=bound, bound_word=_LEVEL_WORDS[language])
    return png_of(chart)


def png_of(chart: Chart) -> bytes:
    """Return the chart as PNG, 720 pixels wide, on white."""
    folder = files("font_hanken_grotesk") / "files"
    drawn = svg_to_bytes(
        svg_string=str(chart_svg(chart)),
        background="#FFF",
        width=WIDTH * _SHARP,
        skip_system_fonts=True,
        font_files=[str(folder / name) for name in _FONTS],
    )
    packed = BytesIO()
    image = Image.open(BytesIO(drawn)).convert("RGB")
    image.quantize(palette=_palette(), dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _palette() -> Image.Image:
    """Return the chart's colours, each in steps to white for smooth edges; of 16 at most, a pixel takes half a byte."""
    colours: list[tuple[int, ...]] = [(255, 255, 255), ImageColor.getrgb(GRID)]
    for colour in (INK, BLUE, ORANGE):
        rgb = ImageColor.getrgb(colour)
        colours += [tuple(255 - (255 - part) * step // _SHADES for part in rgb) for step in range(1, _SHADES + 1)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(list(chain.from_iterable(colours)))
    return palette
