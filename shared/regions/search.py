"""Finds regions by name or code. Many villages share a name, so a query may also name the regions above."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from shared.regions.codes import NATION, Level, level_of, lineage_of

MAX_HITS: Final = 500
"""Nobody reads further; a query such as `a` fits nearly every region."""
_MAX_TRIED: Final = 5_000
"""Names compared with the regions above them in one search, so that no query takes longer than about 50 ms."""
_MAX_PARTS: Final = 5
"""A village and the four levels above it."""
_CODE: Final = re.compile(r"\d\d(\.\d{0,4}){0,3}|\d{3,10}", re.ASCII)
_APOSTROPHES: Final = re.compile("['\u2018\u2019\u02bc\u02bb\u0060\u00b4\u2032]")
_SIGNS: Final = re.compile(r"[^\w ]+|_")
_SHORT_FIRST: Final = {"prov": "provinsi", "kab": "kabupaten", "kec": "kecamatan", "kel": "kelurahan", "ds": "desa"}
"""Short for a level, as the first word of a name only: inside names these are other words."""
_SHORT: Final = {"kep": "kepulauan", "adm": "administrasi"}
_LEVELS: Final[dict[str, Level]] = {
    "provinsi": "province", "kecamatan": "district", "distrik": "district", "kelurahan": "village", "desa": "village",
    "kampung": "village",
}  # fmt: skip
"""Words for a level that the official names do not begin with, as they do with "kabupaten" and "kota"."""
_OFFICIAL_PREFIXES: Final = ("kabupaten ", "kota administrasi ", "kota ")
_USUAL: Final = {
    "sumut": "sumatera utara", "sumbar": "sumatera barat", "sumsel": "sumatera selatan",
    "babel": "kepulauan bangka belitung", "bangka belitung": "kepulauan bangka belitung", "kepri": "kepulauan riau",
    "dki": "daerah khusus ibukota jakarta", "dki jakarta": "daerah khusus ibukota jakarta",
    "dkj": "daerah khusus ibukota jakarta", "jakarta": "daerah khusus ibukota jakarta",
    "jabar": "jawa barat", "jateng": "jawa tengah", "jatim": "jawa timur",
    "diy": "daerah istimewa yogyakarta", "di yogyakarta": "daerah istimewa yogyakarta",
    "jogja": "daerah istimewa yogyakarta", "ntb": "nusa tenggara barat", "ntt": "nusa tenggara timur",
    "kalbar": "kalimantan barat", "kalteng": "kalimantan tengah", "kalsel": "kalimantan selatan",
    "kaltim": "kalimantan timur", "kaltara": "kalimantan utara", "sulut": "sulawesi utara",
    "sulteng": "sulawesi tengah", "sulsel": "sulawesi selatan", "sultra": "sulawesi tenggara",
    "sulbar": "sulawesi barat", "malut": "maluku utara",
}  # fmt: skip
"""What people call a province → its official name."""
_LEVEL_ORDER: Final[tuple[Level, ...]] = ("nation", "province", "regency", "district", "village")


class RegionSearch:
    """An index of the names of all regions. Making it takes about a second, a search some milliseconds."""

    def __init__(self, name_of: Callable[[str], str | None], children: Callable[[str], Sequence[str]]) -> None:
        codes = sorted(_below(NATION, children), key=lambda code: (_LEVEL_ORDER.index(level_of(code)), code))
        self._names = {code: _plain(name_of(code) or "") for code in codes}
        # One text of all names, a line each, higher regions first: a search of it is one pass in C.
        lines = [(text, code) for code, name in self._names.items() for text in _spellings(name)]
        self._text = "\n" + "".join(f"{text}\n" for text, _ in lines)
        self._codes = [code for _, code in lines]
        self._ends = [match.start() for match in re.finditer("\n", self._text)]

    def find(self, query: str) -> list[str]:
        """Return the codes of the regions that fit, the best first, at most `MAX_HITS`.

        `63.10` and `6310` mean the region with this code and all below it. `desa sukamaju, garut` means villages with
        "sukamaju" in their name that lie in a region with "garut" in its name. Equal names: the higher region first.
        """
        if _CODE.fullmatch(query.strip()):
            return self._with_code(query.strip())
        parts = [part for part in map(_plain, query.split(",")) if part]
        if not parts or len(parts) > _MAX_PARTS:
            return []
        # Some names have commas of their own ("Lambang Sari I, II, III"): the whole query may be one.
        whole = self._named(" ".join(parts), []) if len(parts) > 1 else []
        return [*dict.fromkeys([*whole, *self._named(parts[0], parts[1:])])][:MAX_HITS]

    def _with_code(self, query: str) -> list[str]:
        digits = query.replace(".", "")
        dotted = query if "." in query else ".".join(filter(None, (digits[:2], digits[2:4], digits[4:6], digits[6:])))
        prefix = dotted.rstrip(".")
        return sorted(code for code in self._names if code.startswith(prefix))[:MAX_HITS]

    def _named(self, part: str, above: Sequence[str]) -> list[str]:
        level, name = _split_level(part)
        higher = [_USUAL.get(other, other) for _, other in map(_split_level, above)]
        found: dict[str, None] = {}
        matches = chain.from_iterable(self._matches(each) for each in {_USUAL.get(name, name): None, name: None})
        for tried, code in enumerate(matches):
            if len(found) == MAX_HITS or tried == _MAX_TRIED:
                break
            if (level is None or level_of(code) == level) and self._lies_in(code, higher):
                found[code] = None
        return list(found)

    def _matches(self, name: str) -> Iterator[str]:
        """Yield the codes whose name fits: those that equal it, begin with it, have a word that does, hold it."""
        for pattern in (f"\n{name}\n", f"\n{name}", f" {name}", name):
            at = self._text.find(pattern)
            while at >= 0:
                yield self._codes[bisect_right(self._ends, at) - 1]
                at = self._text.find(pattern, at + 1)

    def _lies_in(self, code: str, above: Iterable[str]) -> bool:
        """Say whether each of these is part of the name of a region above."""
        names = [self._names[higher] for higher in lineage_of(code)[1:]]
        return all(any(part in name for name in names) for part in above)


def _below(code: str, children: Callable[[str], Sequence[str]]) -> Iterator[str]:
    yield code
    for child in children(code):
        yield from _below(child, children)


def _spellings(name: str) -> list[str]:
    """Return the name and, for a regency, the name without its kind."""
    prefix = next((prefix for prefix in _OFFICIAL_PREFIXES if name.startswith(prefix)), "")
    return [name, name.removeprefix(prefix)] if prefix else [name]


def _plain(text: str) -> str:
    """Return the text in small letters, without apostrophes and signs, with short words written out."""
    words = _SIGNS.sub(" ", _APOSTROPHES.sub("", text.lower())).split()
    if words:
        words[0] = _SHORT_FIRST.get(words[0], words[0])
    return " ".join(_SHORT.get(word, word) for word in words)


def _split_level(part: str) -> tuple[Level | None, str]:
    """Return the level that the first word names, or None, and the name without that word."""
    first, _, rest = part.partition(" ")
    return (_LEVELS[first], rest) if first in _LEVELS and rest else (None, part)
