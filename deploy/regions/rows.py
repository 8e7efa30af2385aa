"""The successor table's rows: one for each code whose successors the rows above it do not say already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from deploy.regions.lists import Names
from deploy.regions.retired import LEVELS, Found
from shared.regions.codes import level_of
from shared.regions.successors import Homes, Retirement

LIST_IN_FORCE: Final = date(2025, 4, 25)
"""Kepmendagri 300.2.2-2138/2025: the day known of a code whose own end is not."""
_LAWS: Final = {
    "93": date(2022, 7, 25),  # Papua Selatan, UU 14/2022
    "94": date(2022, 7, 25),  # Papua Tengah, UU 15/2022
    "95": date(2022, 7, 25),  # Papua Pegunungan, UU 16/2022
    "96": date(2022, 12, 8),  # Papua Barat Daya, UU 29/2022
}


def rows(found: dict[str, Found], new: Names) -> list[Retirement]:
    """Return the rows in code order."""
    table: list[Retirement] = []
    for level in LEVELS:
        homes = Homes(new, table)
        codes = [code for code in sorted(found) if level_of(code) == level]
        table += [row for code in codes for row in _rows(code, found[code].homes, homes)]
    return sorted(table, key=lambda row: (row.code, row.successor or ""))


def _rows(code: str, successors: tuple[str, ...], homes: Homes) -> Iterator[Retirement]:
    said = homes.home_of(code)
    if successors == (said,):
        return
    for successor in successors or (None,):
        place = successor or str(said)
        yield Retirement(code, _LAWS.get(place[:2], LIST_IN_FORCE), successor)
