"""Finds the successors of codes that an older list has and the list in force lacks, by names and numbers.

It goes level by level, from regencies down. It looks first for the same name below the parent's successor, then, for
villages, anywhere in the regency's successor, then for the same number below the parent's. At the end, a district's
successor is the district that holds all its villages. A code in both lists keeps its region and succeeds no other code.
ADR 0012.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from deploy.regions.lists import Key, Names, key_of
from shared.regions.codes import Level, level_of, parent_of, regency_of
from shared.regions.successors import Homes, Retirement

LEVELS: Final[tuple[Level, ...]] = ("regency", "district", "village")
"""No province has vanished: 91 and 92 stand for what the splits left of them."""

LIST_IN_FORCE: Final = date(2025, 4, 25)
"""Kepmendagri 300.2.2-2138/2025: the day given to a code whose own end is unknown."""
_LAWS: Final = {
    "93": date(2022, 7, 25),  # Papua Selatan, UU 14/2022
    "94": date(2022, 7, 25),  # Papua Tengah, UU 15/2022
    "95": date(2022, 7, 25),  # Papua Pegunungan, UU 16/2022
    "96": date(2022, 12, 8),  # Papua Barat Daya, UU 29/2022
}

How = Literal["name", "name_in_regency", "number", "number_taken", "villages"]
"""What showed the successors of a code."""


@dataclass(frozen=True, slots=True)
class Found:
    """The successors of a code; none where its number now belongs to another region."""

    homes: tuple[str, ...]
    how: How


def derive(old: Names, new: Names) -> dict[str, Found]:
    """Return the successors of codes that only the old list has; a code is left out where nothing shows them."""
    derivation = _Derivation(old, new)
    for level in LEVELS:
        derivation.take(level)
    derivation.take_districts_by_villages()
    return derivation.found


class _Derivation:
    def __init__(self, old: Names, new: Names) -> None:
        self.found: dict[str, Found] = {}
        self._new = new
        self._retired = {code: name for code, name in old.items() if code not in new}
        self._fresh = {code: name for code, name in new.items() if code not in old}
        self._taken: set[str] = set()

    def take(self, level: Level) -> None:
        """Find the successors of the codes of a level, after those of the levels above."""
        self._by_name(level, "name", parent_of)
        if level == "village":
            self._by_name(level, "name_in_regency", regency_of)
        for code in self._left(level):
            self._by_number(code)

    def take_districts_by_villages(self) -> None:
        """Find renamed districts by the place of all their villages, then the other villages in them."""
        under: defaultdict[str | None, set[str]] = defaultdict(set)
        for code, found in self.found.items():
            under[parent_of(code)].update(str(parent_of(home)) for home in found.homes)
        for code in self._retired:
            if level_of(code) == "district" and self._home(code) is None and len(under[code]) == 1:
                self._note(code, tuple(under[code]), "villages")
        self.take("village")

    def _left(self, level: Level) -> list[str]:
        return [code for code in self._retired if level_of(code) == level and code not in self.found]

    def _by_name(self, level: Level, how: How, above: Callable[[str], str | None]) -> None:
        """Match names below the successor of the region that `above` names."""
        offered: defaultdict[Key, list[str]] = defaultdict(list)
        for code, name in self._fresh.items():
            if level_of(code) == level and code not in self._taken:
                offered[key_of(name, code, above(code))].append(code)
        sought: defaultdict[Key, list[str]] = defaultdict(list)
        for code in self._left(level):
            sought[key_of(self._retired[code], code, self._home(above(code)))].append(code)
        for key, codes in sought.items():
            self._match(codes, offered[key], how)

    def _match(self, codes: list[str], offered: Collection[str], how: How) -> None:
        """Pair codes and regions of one name: first by the same number, then one to one; several stay open."""
        for code in codes:
            if (same := self._same_number(code)) in offered:
                self._note(code, (str(same),), how)
        rest = [code for code in codes if code not in self.found]
        open_to = tuple(sorted(set(offered) - self._taken))
        if len(open_to) > 1 or (open_to and len(rest) == 1):
            for code in rest:
                self._note(code, open_to, how)

    def _by_number(self, code: str) -> None:
        """Take the region with the same number, unless it was in both lists or another code's name found it."""
        same = self._same_number(code)
        if same in self._taken or (same in self._new and same not in self._fresh):
            self._note(code, (), "number_taken")
        elif same in self._new:
            self._note(code, (str(same),), "number")

    def _note(self, code: str, homes: tuple[str, ...], how: How) -> None:
        self.found[code] = Found(homes, how)
        self._taken.update(homes)

    def _same_number(self, code: str) -> str | None:
        """Return the code with the same last part below the parent's successor; None where there is none."""
        parent = str(parent_of(code))
        home = self._home(parent)
        return home and home + code[len(parent) :]

    def _home(self, code: str | None) -> str | None:
        """Return the code if it is in force, else its successor if it has just one."""
        if code in self._new:
            return code
        found = self.found.get(str(code))
        return found.homes[0] if found and len(found.homes) == 1 else None


def rows(found: dict[str, Found], new: Names) -> list[Retirement]:
    """Return the successor table in code order: a row for each code whose successors no row above it implies."""
    table: list[Retirement] = []
    for level in LEVELS:
        homes = Homes(new, table)
        codes = [code for code in sorted(found) if level_of(code) == level]
        table += [row for code in codes for row in _rows_of(code, found[code].homes, homes)]
    return sorted(table, key=lambda row: (row.code, row.successor or ""))


def _rows_of(code: str, successors: tuple[str, ...], homes: Homes) -> Iterator[Retirement]:
    said = homes.home_of(code)
    if successors == (said,):
        return
    for successor in successors or (None,):
        place = successor or str(said)
        yield Retirement(code, _LAWS.get(place[:2], LIST_IN_FORCE), successor)
