"""Matches BPS codes with Kemendagri codes in force by name within one parent; ambiguous names stay out (ADR 0012)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from deploy.regions.lists import Key, Names, key_of
from shared.regions.codes import level_of, parent_of
from shared.regions.successors import Homes

_REGENCY, _DISTRICT, _VILLAGE = 4, 7, 10
_PARENT: Final = {_DISTRICT: _REGENCY, _VILLAGE: _DISTRICT}
"""Digits of a BPS code, and of its parent's."""


def derive(bps: Names, old: Names, new: Names, homes: Homes) -> dict[str, str]:
    """Return BPS code → Kemendagri code, each at most once.

    A Kemendagri region is found by its name in either list, as many were renamed between the two.
    """
    known: dict[str, str] = {}
    regions = _regions(old, new, homes)
    for digits in (_REGENCY, _DISTRICT, _VILLAGE):
        above = {code: known.get(code[: _PARENT.get(digits, 0)]) for code in bps if len(code) == digits}
        codes = [code for code, parent in above.items() if digits == _REGENCY or parent]
        pairs = {code: regions.get(key_of(bps[code], code, above[code]), set()) for code in codes}
        known |= _unique({code: found for code, found in pairs.items() if len(found) == 1})
        if digits == _REGENCY:
            known |= _last_ones({code for code in codes if code not in known}, new.keys() - set(known.values()))
    return known


def _regions(old: Names, new: Names, homes: Homes) -> dict[Key, set[str]]:
    """Return the regions in force by parent and name."""
    regions: defaultdict[Key, set[str]] = defaultdict(set)
    for names in (old, new):
        for code, name in names.items():
            home = homes.home_of(code)
            if isinstance(home, str):
                regions[key_of(name, home, parent_of(home))].add(home)
    return regions


def _unique(pairs: dict[str, set[str]]) -> dict[str, str]:
    """Return the pairs whose Kemendagri code belongs to no other BPS code."""
    claims = Counter(code for found in pairs.values() for code in found)
    return {code: only for code, (only,) in pairs.items() if claims[only] == 1}


def _last_ones(left: set[str], free: Iterable[str]) -> dict[str, str]:
    """Pair renamed regencies: where one regency of a province is left in both lists, they are the same.

    Both lists have the same 514 regencies, and no province with one left was ever split.
    """
    regencies = [code for code in free if level_of(code) == "regency"]
    pairs: dict[str, str] = {}
    for code in left:
        same = [other for other in left if other[:2] == code[:2]]
        there = [region for region in regencies if region[:2] == code[:2]]
        if len(same) == len(there) == 1:
            pairs[code] = there[0]
    return pairs
