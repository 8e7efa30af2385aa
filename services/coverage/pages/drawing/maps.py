"""Schematic maps of the nation's provinces and of a province's regencies; each shape is a link (ADR 0035)."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

from markupsafe import Markup, escape

from shared.drawing.labels import Language
from shared.drawing.svg import element, number

_STEPS: Final = (0.2, 0.4, 0.6, 0.8)
"""Where a darker class begins; the same on every map, so that maps of two days can be compared."""
_DOT: Final = 8
"""Radius in units of a map, which is 600 or 1000 units long: a dot is as large as a letter on a phone."""
_PATTERN_SIDE: Final = 600
"""Longest side of a map on which the patterns are drawn as they are; on a longer one they are larger."""

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "id": {
        "map": "Peta skematis",
        "over": "lebih dari 100%",
        "none": "belum ada data potensi",
        "hidden": "disamarkan (<10)",
    },
    "en": {"map": "Schematic map", "over": "over 100%", "none": "no denominator", "hidden": "suppressed (<10)"},
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A region on a map: SVG path data, and the places of its dot and of a label that has room. Units of its map.

    Path data is escaped here: it is up to 10 KB long, and a map is drawn at each request.
    """

    path: Markup
    dot: tuple[int, int] | None
    label: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Map:
    """Shapes by region code, in a box of width × height units."""

    size: tuple[int, int]
    regions: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class MapRegion:
    """What a map says of a region. `label` has name and value: "Kab. Tanah Bumbu: 35,44%".

    `ratio` is None without a denominator, and if `hidden` says that it is suppressed.
    """

    code: str
    label: str
    link: str
    ratio: float | None = field(default=None, kw_only=True)
    hidden: bool = field(default=False, kw_only=True)


@cache
def maps() -> Mapping[str, Map]:
    """Return the map of the nation and of each province, by code, as `make map` wrote them."""
    packed = (files(__package__) / "maps.json.gz").read_bytes()
    return {code: _map(one) for code, one in json.loads(gzip.decompress(packed))["maps"].items()}


def region_map(parent: str, regions: Sequence[MapRegion], caption: str, language: Language) -> Markup:
    """Return a figure: the map of a parent's regions, its caption and the legend.

    A region that the map does not know is left out, as the page's table has it too.
    Raises: KeyError unless the parent is the nation or a province.
    """
    drawn = maps()[parent]
    known = [(one, drawn.regions[one.code]) for one in regions if one.code in drawn.regions]
    # Dots come last, or the shapes around them would hide them.
    known.sort(key=lambda pair: pair[1].dot is not None)
    words = _WORDS[language]
    width, height = drawn.size
    title = f"{words['map']}: {caption}"
    picture = element(
        "svg",
        _patterns(max(drawn.size) / _PATTERN_SIDE),
        element("g", *(_link(one, shape) for one, shape in known), fill_rule="evenodd"),
        class_="map", viewBox=f"0 0 {width} {height}", role="group", aria_label=title,
    )  # fmt: skip
    return element(
        "figure", picture, element("figcaption", title), _legend({_class(one) for one, _ in known}, words),
        class_="map-figure",
    )  # fmt: skip


def _link(region: MapRegion, shape: Shape) -> Markup:
    look: dict[str, Any] = {"class_": _class(region), "fill": _PATTERNS.get(_class(region))}
    inside = [element("title", region.label)]
    if shape.path:
        inside.append(element("path", d=shape.path, **look))
    if shape.dot:
        inside.append(element("circle", cx=shape.dot[0], cy=shape.dot[1], r=_DOT, **look))
    if region.hidden and shape.label:
        inside.append(element("text", "<10", x=shape.label[0], y=shape.label[1], class_="map-label"))
    return element("a", *inside, href=region.link, aria_label=region.label)


def _class(region: MapRegion) -> str:
    if region.hidden:
        return "map-hidden"
    if region.ratio is None:
        return "map-none"
    return "map-over" if region.ratio > 1 else f"map-{bisect_right(_STEPS, region.ratio)}"


_PATTERNS: Final = {"map-none": "url(#map-hatch)", "map-over": "url(#map-dots)"}
"""Fills that CSS does not set: not every browser looks for the address of a style sheet's pattern in the page."""


def _patterns(scale: float) -> Markup:
    """Return the patterns of the map and its legend; a page has one map, so that their ids are unique."""
    size: dict[str, Any] = {"width": 8, "height": 8, "patternUnits": "userSpaceOnUse"}
    size["patternTransform"] = f"scale({number(scale)})"
    hatch = element("pattern", element("path", d="M0 8 8 0", class_="map-hatch"), id="map-hatch", **size)
    ground, dots = element("rect", width=8, height=8, class_="map-4"), element("circle", cx=4, cy=4, r=1.5, fill="#fff")
    return element("defs", hatch, element("pattern", ground, dots, id="map-dots", **size))


def _legend(used: set[str], words: Mapping[str, str]) -> Markup:
    """Return the five classes, and of the others those that the map uses."""
    return element("ul", *(_entry(key, text) for key, text in _entries(used, words)), class_="map-legend")


def _entries(used: set[str], words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    bounds = [f"{bound:.0%}" for bound in (*_STEPS, 1)]
    yield "map-0", f"<{bounds[0]}"
    for step, (low, high) in enumerate(pairwise(bounds), 1):
        yield f"map-{step}", f"{low.removesuffix('%')}–{'<' if step < len(_STEPS) else ''}{high}"
    for key in ("over", "none", "hidden"):
        if f"map-{key}" in used:
            yield f"map-{key}", words[key]


def _entry(class_: str, text: str) -> Markup:
    swatch = element("rect", x=0.5, y=0.5, width=15, height=15, class_=class_, fill=_PATTERNS.get(class_))
    return element("li", element("svg", swatch, class_="map-key", viewBox="0 0 16 16", aria_hidden="true"), f" {text}")


def _map(stored: Mapping[str, Any]) -> Map:
    width, height = stored["size"]
    return Map((width, height), {code: _shape(one) for code, one in stored["regions"].items()})


def _shape(stored: Mapping[str, Any]) -> Shape:
    return Shape(escape(stored.get("path", "")), _place(stored.get("dot")), _place(stored.get("label")))


def _place(stored: Sequence[int] | None) -> tuple[int, int] | None:
    return (stored[0], stored[1]) if stored else None
