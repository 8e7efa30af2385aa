"""`python -m deploy.map FOLDER`: writes the maps out of the packages in the folder (`make map`)."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import shapely
from shapely import Geometry

from deploy.map import inputs, shapes

_FILE: Final = Path(__file__).parents[2] / "services" / "coverage" / "pages" / "drawing" / "maps.json.gz"
_NATION: Final = "ID"
_NATIONS_SIDE: Final = 1000
"""Units of the nation's longer side: a unit is 0.046 degrees, about 5 km."""
_PROVINCES_SIDE: Final = 600
"""Units of a province's longer side, about the pixels of its place beside the figures on a desktop."""


def main(folder: Path) -> None:
    """Write the maps of the nation and of each province."""
    maps = _maps(folder)
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in inputs.FILES}
    text = json.dumps({"made_of": digests, "maps": maps}, separators=(",", ":"), sort_keys=True)
    # Packed without a date, the same maps are the same bytes.
    _FILE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _maps(folder: Path) -> dict[str, Any]:
    villages = inputs.villages(folder)
    regencies = shapes.regencies(villages, inputs.land(folder))
    of_province: defaultdict[str, dict[str, Geometry]] = defaultdict(dict)
    for code, shape in sorted(regencies.items()):
        of_province[code[:2]][code] = shape
    provinces = {code: shapely.coverage_union_all(list(below.values())) for code, below in of_province.items()}

    def drawn(regions: Mapping[str, Geometry], longest_side: int) -> dict[str, Any]:
        middles = {code: shapes.middle(villages, code) for code in regions}
        return shapes.drawn(regions, middles, longest_side)

    return {
        _NATION: drawn(provinces, _NATIONS_SIDE),
        **{code: drawn(below, _PROVINCES_SIDE) for code, below in of_province.items()},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
