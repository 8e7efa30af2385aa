"""The schematic maps: every region is on them, none lies on another, and each says its name and value."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.pages.drawing.maps import Map, MapRegion, Shape, maps, region_map
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION

ROOT = Path(__file__).parents[5]
_RING = re.compile(r"M(\d+) (\d+)l([^z]+)z")
_NUMBER = re.compile(r"-?\d+")


def drawn(*regions: MapRegion, parent: str = "11") -> ElementTree.Element:
    """The figure as an XML tree."""
    return ElementTree.fromstring(region_map(parent, regions, "Aceh", "id"))


def whole(parent: str) -> str:
    """The map of a parent with all its regions."""
    names = catalogue()
    regions = [
        MapRegion(code, f"{names.name(code)}: 35,44%", f"/wilayah/{code}", ratio=index % 12 / 10)
        for index, code in enumerate(names.children(parent))
    ]
    return region_map(parent, regions, names.name(parent) or "", "id")


def rings(shape: Shape) -> Iterator[list[tuple[int, int]]]:
    """The corners of each ring of a shape."""
    for x, y, steps in _RING.findall(shape.path):
        corner, numbers = (int(x), int(y)), [int(one) for one in _NUMBER.findall(steps)]
        corners = [corner]
        for step in zip(numbers[::2], numbers[1::2], strict=True):
            corner = (corner[0] + step[0], corner[1] + step[1])
            corners.append(corner)
        yield [*corners, corners[0]]


def cells(shape: Shape, height: int) -> Iterator[tuple[int, int, int]]:
    """The rows of units inside a shape, each from one x to another, by the even-odd rule."""
    crossings: list[list[float]] = [[] for _ in range(height)]
    for ring in rings(shape):
        for (x1, y1), (x2, y2) in pairwise(ring):
            for y in range(min(y1, y2), max(y1, y2)):
                crossings[y].append(x1 + (y + 0.5 - y1) * (x2 - x1) / (y2 - y1))
    for y, found in enumerate(crossings):
        found.sort()
        for left, right in zip(found[::2], found[1::2], strict=True):
            yield y, round(left), round(right)


def overlap(one: Map) -> float:
    """The share of the land that more than one shape covers."""
    width, height = one.size
    taken, twice = bytearray(width * height), 0
    for shape in one.regions.values():
        for y, left, right in cells(shape, height):
            row = slice(y * width + left, y * width + right)
            twice += taken[row].count(1)
            taken[row] = b"\1" * (right - left)
    return twice / max(1, taken.count(1))


def test_every_region_in_force_has_a_shape_or_a_dot() -> None:
    """The nation's map has the 38 provinces, theirs the 514 regencies, and no map has another region."""
    names = catalogue()
    parents = (NATION, *names.children(NATION))
    assert {code: sorted(one.regions) for code, one in maps().items()} == {
        code: sorted(names.children(code)) for code in parents
    }
    assert all(shape.path or shape.dot for one in maps().values() for shape in one.regions.values())


def test_the_thousand_islands_are_a_dot() -> None:
    """The land has no island of theirs."""
    islands = maps()["31"].regions["31.01"]
    assert islands.path == ""
    assert islands.dot is not None


@pytest.mark.parametrize("parent", list(maps()))
def test_shapes_lie_side_by_side_within_their_map(parent: str) -> None:
    """Neighbours share an edge: less than 0.1% of the land is in two shapes, by rounding to units."""
    one = maps()[parent]
    corners = [corner for shape in one.regions.values() for ring in rings(shape) for corner in ring]
    marks = [mark for shape in one.regions.values() for mark in (shape.dot, shape.label) if mark]
    assert all(0 <= x <= one.size[0] and 0 <= y <= one.size[1] for x, y in corners + marks)
    assert overlap(one) < 0.001


def test_the_maps_name_what_they_are_made_of() -> None:
    """Their inputs have the digests that `make map` checks."""
    packed = (files("services.coverage.pages.drawing") / "maps.json.gz").read_bytes()
    listed = [line.split() for line in (ROOT / "deploy" / "map" / "inputs.sha256").read_text().splitlines()]
    assert json.loads(gzip.decompress(packed))["made_of"] == {name: digest for digest, name in listed}
    assert dict(listed).keys() >= set(re.findall("sha256:(.*)", (ROOT / "deploy/map/villages.txt").read_text()))


@pytest.mark.parametrize(("parent", "most"), [(NATION, 20_000), *((code, 15_000) for code in maps() if code != NATION)])
def test_a_map_is_small_enough_for_a_phone_on_3g(parent: str, most: int) -> None:
    """With all names and links, packed."""
    assert len(gzip.compress(whole(parent).encode())) <= most


def test_each_shape_is_a_link_with_name_and_value() -> None:
    """So no screen reader may take the map for one picture."""
    figure = drawn(MapRegion("11.01", 'Aceh <Selatan> & "lain": 35,44%', "/wilayah/11.01?a=1&b=2", ratio=0.3544))
    (link,) = figure.iter("a")
    assert link.get("aria-label") == link.findtext("title") == 'Aceh <Selatan> & "lain": 35,44%'
    assert link.get("href") == "/wilayah/11.01?a=1&b=2"
    assert {one.get("role") for one in figure.iter()} == {None, "group"}
    assert figure.findtext("figcaption") == "Peta skematis: Aceh"


def test_a_map_obeys_the_content_security_policy() -> None:
    """It has no style attributes and no script."""
    assert not re.search(r"style=|<script|\son\w+=", whole(NATION))


@given(ratios=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_a_higher_ratio_is_never_lighter(ratios: list[float]) -> None:
    """The five classes are in order."""
    shades = [drawn(MapRegion("11.01", "x", "/", ratio=ratio)).find(".//a/path") for ratio in ratios]
    lighter, darker = (int((one.get("class") or "").removeprefix("map-")) for one in shades if one is not None)
    assert 0 <= lighter <= darker <= 4


@pytest.mark.parametrize(
    ("ratio", "class_"),
    [(0.0, "map-0"), (0.2, "map-1"), (0.3999, "map-1"), (0.8, "map-4"), (1.0, "map-4"), (1.01, "map-over")],
)
def test_where_classes_begin(ratio: float, class_: str) -> None:
    """A bound belongs to the darker class, but 100% is not over 100%."""
    path = drawn(MapRegion("11.01", "x", "/", ratio=ratio)).find(".//a/path")
    assert path is not None
    assert path.get("class") == class_


def test_a_suppressed_region_is_white_and_says_less_than_ten() -> None:
    """Its ratio shows nowhere, even if the caller forgot to take it away."""
    hidden = MapRegion("11.01", "Aceh Selatan: disamarkan", "/", ratio=0.91, hidden=True)
    figure = drawn(hidden)
    assert figure.findtext(".//a/text") == "<10"
    assert region_map("11", [hidden], "Aceh", "id") == region_map(
        "11", [MapRegion("11.01", "Aceh Selatan: disamarkan", "/", hidden=True)], "Aceh", "id"
    )


def test_the_legend_has_what_is_on_the_map() -> None:
    """The five classes always; over 100%, no denominator and suppressed only where there are such."""
    plain = drawn(MapRegion("11.01", "x", "/", ratio=0.5))
    all_kinds = drawn(
        MapRegion("11.01", "x", "/", ratio=1.5), MapRegion("11.02", "y", "/"), MapRegion("11.03", "z", "/", hidden=True)
    )
    assert ["".join(one.itertext()).strip() for one in plain.iter("li")] == [
        "<20%", "20–<40%", "40–<60%", "60–<80%", "80–100%",
    ]  # fmt: skip
    assert ["".join(one.itertext()).strip() for one in all_kinds.iter("li")][5:] == [
        "lebih dari 100%", "belum ada data potensi", "disamarkan (<10)",
    ]  # fmt: skip


def test_dots_lie_on_the_shapes_around_them() -> None:
    """A city inside a regency would else be under it; an unknown code is only in the table."""
    figure = drawn(
        MapRegion("11.71", "Banda Aceh", "/a", ratio=0.5), MapRegion("11.06", "Aceh Besar", "/b", ratio=0.5),
        MapRegion("11.99", "Baru", "/c"),
    )  # fmt: skip
    assert maps()["11"].regions["11.71"].dot
    assert [one.get("href") for one in figure.iter("a")] == ["/b", "/a"]


def test_there_is_no_map_below_a_province() -> None:
    """A page of a regency shows bars."""
    with pytest.raises(KeyError):
        region_map("11.01", [], "Aceh Selatan", "id")
