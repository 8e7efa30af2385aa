"""Finds the successors of codes that an older list has and the list in force lacks, by names and numbers.

It goes level by level, from regencies down. It looks first for the same name below the parent's successor, then, for
villages, anywhere in the regency's successor, then for the same number below the parent's. At the end, a district's
successor is the district that holds all its villages. A code in both lists keeps its region and succeeds no other code.
ADR 0012.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from deploy.regions.lists import Names, plain, plain_regency
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

Key = tuple[str | None, str]
"""The parent to look below, and the plain name; a regency has no parent here, as a split may change its province."""


class How(StrEnum):
    """What showed the successors of a code."""

    NAME = "name"
    NAME_IN_REGENCY = "name_in_regency"
    NUMBER = "number"
    NUMBER_TAKEN = "number_taken"
    VILLAGES = "villages"


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
        self._by_name(level, How.NAME, self._home_of_parent, _parent)
        if level == "village":
            self._by_name(level, How.NAME_IN_REGENCY, self._home_of_regency, regency_of)
        for code in self._left(level):
            self._by_number(code)

    def take_districts_by_villages(self) -> None:
        """Find renamed districts by the place of all their villages, then the other villages in them."""
        under: defaultdict[str, set[str]] = defaultdict(set)
        for code, found in self.found.items():
            under[_parent(code)].update(_parent(home) for home in found.homes)
        for code in self._retired:
            if level_of(code) == "district" and self._home(code) is None and len(under[code]) == 1:
                self._note(code, tuple(under[code]), How.VILLAGES)
        self.take("village")

    def _left(self, level: Level) -> list[str]:
        return [code for code in self._retired if level_of(code) == level and code not in self.found]

    def _by_name(
        self, level: Level, how: How, seek: Callable[[str], str | None], stands: Callable[[str], str | None]
    ) -> None:
        sought = _by_key(self._left(level), self._retired, seek)
        free = [code for code in self._fresh if level_of(code) == level and code not in self._taken]
        offered = _by_key(free, self._fresh, stands)
        for key, codes in sought.items():
            self._match(codes, offered.get(key, []), how)

    def _match(self, codes: list[str], offered: Collection[str], how: How) -> None:
        """Pair codes and regions of one name: first by the same number, then one to one; several stay open."""
        for code in codes:
            if self._same_number(code) in offered:
                self._note(code, (str(self._same_number(code)),), how)
        rest = [code for code in codes if code not in self.found]
        open_to = tuple(sorted(set(offered) - self._taken))
        if len(open_to) > 1 or (open_to and len(rest) == 1):
            for code in rest:
                self._note(code, open_to, how)

    def _by_number(self, code: str) -> None:
        """Take the region with the same number, unless it was in both lists or another code's name found it."""
        same = self._same_number(code)
        if same in self._taken or (same in self._new and same not in self._fresh):
            self._note(code, (), How.NUMBER_TAKEN)
        elif same in self._new:
            self._note(code, (str(same),), How.NUMBER)

    def _note(self, code: str, homes: tuple[str, ...], how: How) -> None:
        self.found[code] = Found(homes, how)
        self._taken.update(homes)

    def _same_number(self, code: str) -> str | None:
        """Return the code with the same last part below the parent's successor; None where there is none."""
        home = self._home_of_parent(code)
        return home and home + code[len(str(parent_of(code))) :]

    def _home_of_parent(self, code: str) -> str | None:
        return self._home(_parent(code))

    def _home_of_regency(self, code: str) -> str | None:
        return self._home(regency_of(code))

    def _home(self, code: str) -> str | None:
        if code in self._new:
            return code
        found = self.found.get(code)
        return found.homes[0] if found and len(found.homes) == 1 else None


def _parent(code: str) -> str:
    return str(parent_of(code))


def _by_key(codes: Iterable[str], names: Names, place: Callable[[str], str | None]) -> dict[Key, list[str]]:
    grouped: defaultdict[Key, list[str]] = defaultdict(list)
    for code in codes:
        if level_of(code) == "regency":
            grouped[None, plain_regency(code, names[code])].append(code)
        else:
            grouped[place(code), plain(names[code])].append(code)
    return grouped


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
