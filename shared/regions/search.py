"""Finding regions by name or code. Names repeat, those of villages by the dozen: what lies above may be named too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from shared.regions.codes import NATION, Level, level_of, lineage_of

_CODE: Final = re.compile(r"\d\d(\.\d{0,4}){0,3}", re.ASCII)
_NOISE: Final = re.compile(r"[^\w' ]+")
_SHORT: Final = {"prov": "provinsi", "kab": "kabupaten", "kec": "kecamatan", "kel": "kelurahan", "ds": "desa"}
_LEVELS: Final[dict[str, tuple[Level, ...]]] = {
    "provinsi": ("province",),
    "kecamatan": ("district",),
    "distrik": ("district",),
    "kelurahan": ("village",),
    "desa": ("village",),
    "kampung": ("village",),
}
"""Words for a level that are not a part of names in the list, as "kabupaten" and "kota" are."""
_OF_NAMES: Final = ("kabupaten ", "kota ")
_RANKS: Final[tuple[Level, ...]] = ("nation", "province", "regency", "district", "village")


class _Named(NamedTuple):
    code: str
    level: Level
    name: str
    bare: str


class RegionSearch:
    """An index of every region's name. Making it takes about two seconds; a search some milliseconds."""

    def __init__(self, name_of: Callable[[str], str | None], children: Callable[[str], Sequence[str]]) -> None:
        self._regions = [_named(code, name_of(code) or "") for code in _below(NATION, children)]
        self._names = {region.code: region.name for region in self._regions}

    def find(self, query: str) -> list[str]:
        """Return the codes of the regions that are meant, likeliest first.

        `63.10` means the region with this code and those below it. `desa sukamaju, garut` means villages whose name
        holds "sukamaju" in whatever has "garut" in its name. Of names that fit as well the higher region comes first.
        """
        if _CODE.fullmatch(query.strip()):
            code = query.strip().rstrip(".")
            return [region.code for region in self._regions if region.code.startswith(code)]
        name, *above = [_plain(part) for part in query.split(",")]
        levels, name = _level_meant(name)
        if not name:
            return []
        ranked = [
            (_rank(name, region), _RANKS.index(region.level), region.code)
            for region in self._regions
            if name in region.name and (levels is None or region.level in levels)
        ]
        return [code for _, _, code in sorted(ranked) if self._lies_in(code, above)]

    def _lies_in(self, code: str, above: Sequence[str]) -> bool:
        """Say whether each of these is a part of the name of a region above."""
        names = [self._names[higher] for higher in lineage_of(code)[1:]]
        return all(any(_level_meant(part)[1] in name for name in names) for part in above)


def _below(code: str, children: Callable[[str], Sequence[str]]) -> Iterator[str]:
    yield code
    for child in children(code):
        yield from _below(child, children)


def _named(code: str, name: str) -> _Named:
    plain = _plain(name)
    bare = next((plain.removeprefix(word) for word in _OF_NAMES if plain.startswith(word)), plain)
    return _Named(code, level_of(code), plain, bare)


def _plain(text: str) -> str:
    """Return the text in small letters, without signs, its first word written out."""
    first, _, rest = " ".join(_NOISE.sub(" ", text.lower()).split()).partition(" ")
    return f"{_SHORT.get(first, first)} {rest}".strip()


def _level_meant(name: str) -> tuple[tuple[Level, ...] | None, str]:
    """Return the levels that a name's first word restricts it to, None for all, and the name without it."""
    first, _, rest = name.partition(" ")
    return (_LEVELS[first], rest) if first in _LEVELS and rest else (None, name)


def _rank(name: str, region: _Named) -> int:
    """Return how well the name fits, 0 best: the same, the beginning, a word's beginning, anywhere."""
    if name in (region.name, region.bare):
        return 0
    if region.name.startswith(name) or region.bare.startswith(name):
        return 1
    return 2 if f" {name}" in region.name else 3
