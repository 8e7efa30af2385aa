"""Shapes of regions on a map: every place on land belongs to the region of the nearest village."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import shapely
from shapely import Geometry, MultiPoint, Point, Polygon

from deploy.map.inputs import Place

_STRAIGHTENED: Final = 1.0
"""Bends smaller than about the square of this many units are straightened; a phone shows a unit as half a pixel."""
_ISLAND: Final = 4.0
"""Islands smaller than this, in square units, are left out, unless the region has no larger one."""
_NEEDS_DOT: Final = 150.0
"""A region smaller than this, in square units, also gets a dot: nobody could see or touch it."""
_ROOM_FOR_LABEL: Final = 15.0
"""A circle of this radius, in units, fits into a region that has room for "<10"."""
_MARGIN: Final = 12
"""Units around the land, so that dots and the edges' strokes are not cut."""


def regencies(villages: Sequence[tuple[str, Place]], land: Geometry) -> dict[str, Geometry]:
    """Return the land of each regency: its villages' Voronoi cells, cut at the coast; empty if no land is known."""
    west, south, east, north = land.bounds
    around = shapely.box(west - 1, south - 1, east + 1, north + 1)
    points = MultiPoint([place for _, place in villages])
    cells = shapely.voronoi_polygons(points, extend_to=around, ordered=True)
    of_regency = defaultdict(list)
    for (code, _), cell in zip(villages, cells.geoms, strict=True):
        of_regency[code].append(cell)
    shapely.prepare(land)
    return {code: shapely.intersection(shapely.coverage_union_all(of_regency[code]), land) for code in of_regency}


def middle(villages: Sequence[tuple[str, Place]], code: str) -> Point:
    """Return the village that has as many of the region's villages to its west as to its east."""
    places = sorted(place for regency, place in villages if regency.startswith(code))
    return Point(places[len(places) // 2])


def drawn(regions: Mapping[str, Geometry], middles: Mapping[str, Point], longest_side: int) -> dict[str, Any]:
    """Return a map of regions that touch: its size in units, and of each region its path, and dot or label if any.

    `middles` says where the dot of a region without land is.
    """
    extent = shapely.union_all([*regions.values(), *(middles[code] for code in regions if regions[code].is_empty)])
    west, south, east, north = extent.bounds
    scale = (longest_side - 2 * _MARGIN) / max(east - west, north - south)

    def in_units(shapes: Sequence[Geometry]) -> Any:
        """Near the equator, a degree east is as long as a degree north. On a drawing, y grows to the south."""
        return shapely.transform(shapes, lambda at: (at - (west, north)) * (scale, -scale) + _MARGIN)

    # All together, so that neighbours keep the same edge.
    shapes = shapely.coverage_simplify(in_units(list(regions.values())), _STRAIGHTENED)
    dots = in_units([middles[code] for code in regions])
    return {
        "size": [round((east - west) * scale) + 2 * _MARGIN, round((north - south) * scale) + 2 * _MARGIN],
        "regions": {code: _region(shape, dot) for code, shape, dot in zip(regions, shapes, dots, strict=True)},
    }


def _region(shape: Geometry, dot: Point) -> dict[str, Any]:
    if shape.is_empty:
        return {"dot": _rounded(dot)}
    islands = sorted((one for one in shapely.get_parts(shape) if isinstance(one, Polygon)), key=shapely.area)
    *others, largest = islands
    path = "".join(_path(island) for island in [*(one for one in others if one.area >= _ISLAND), largest])
    inside = shapely.maximum_inscribed_circle(largest, tolerance=1)
    centre, radius = Point(inside.coords[0]), inside.length
    if shape.area < _NEEDS_DOT:
        return {"path": path, "dot": _rounded(centre)}
    return {"path": path, "label": _rounded(centre)} if radius >= _ROOM_FOR_LABEL else {"path": path}


def _rounded(point: Point) -> list[int]:
    return [round(point.x), round(point.y)]


def _path(island: Polygon) -> str:
    """Return SVG path data in whole units, each corner as a step from the one before it."""
    rings = [island.exterior, *island.interiors]
    return "".join(_ring([(round(x), round(y)) for x, y in ring.coords]) for ring in rings)


def _ring(corners: list[tuple[int, int]]) -> str:
    x, y = corners[0]
    steps = [(to[0] - at[0], to[1] - at[1]) for at, to in pairwise(corners) if at != to]
    # The last step is left out, as `z` goes back to the first corner.
    return f"M{x} {y}l{_numbers(steps[:-1])}z" if len(steps) > 2 else ""


def _numbers(steps: Sequence[tuple[int, int]]) -> str:
    """Join numbers; a minus sign needs no space before it."""
    text = " ".join(f"{x} {y}" for x, y in steps)
    return text.replace(" -", "-")
