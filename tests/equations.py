"""Linear equations over whole numbers: which unknowns they determine, exactly, and between what the others lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor, inf
from typing import Any

Cell = tuple[Any, ...]
Number = int | Fraction
Row = tuple[dict[Cell, Number], Number]
"""Coefficients by cell, and what they come to."""

_ROUNDS = 30
"""Bounds go from a parent to its children and back; deeper trees than ours need no more."""


class Equations:
    """Σ coefficient × cell = number, for cells of which some are known."""

    def __init__(self, known: Mapping[Cell, int], at_least: Mapping[Cell, int]) -> None:
        self._known = known
        self._at_least = at_least
        self._rows: list[tuple[dict[Cell, int], int]] = []

    def add(self, cells: Mapping[Cell, int], number: int = 0) -> None:
        """Take an equation in."""
        unknown = {cell: n for cell, n in cells.items() if n and cell not in self._known}
        rest = number - sum(n * self._known[cell] for cell, n in cells.items() if cell in self._known)
        if unknown:
            self._rows.append((unknown, rest))
        else:
            assert rest == 0, "what is shown contradicts itself"

    def determined(self) -> dict[Cell, Number]:
        """Return the unknowns that can have one value only, by exact elimination.

        An equation with an unknown that is in no other says nothing of the rest: it waits until they are solved.
        """
        core, waiting = self._parted()
        found = _eliminated([(dict(cells), number) for cells, number in core])
        for own, (cells, number) in reversed(waiting):
            if all(cell in found for cell in cells if cell != own):
                rest = number - sum(n * found[cell] for cell, n in cells.items() if cell != own)
                found[own] = Fraction(rest) / cells[own]
        return found

    def _parted(self) -> tuple[list[Row], list[tuple[Cell, Row]]]:
        """Return the equations that hang together, and the others with the unknown of their own, in turn."""
        rows = dict(enumerate(self._rows))
        users: defaultdict[Cell, set[int]] = defaultdict(set)
        for n, (cells, _) in rows.items():
            for cell in cells:
                users[cell].add(n)
        lone = [cell for cell, using in users.items() if len(using) == 1]
        waiting: list[tuple[Cell, Row]] = []
        while lone:
            own = lone.pop()
            for n in list(users[own]):
                row = rows.pop(n)
                waiting.append((own, (dict(row[0]), row[1])))
                for cell in row[0]:
                    users[cell].discard(n)
                    if len(users[cell]) == 1:
                        lone.append(cell)
        return [(dict(cells), number) for cells, number in rows.values()], waiting

    def bounds(self) -> dict[Cell, tuple[float, float]]:
        """Return between which whole numbers each unknown lies, as far as one equation after another tells."""
        low: dict[Cell, float] = defaultdict(lambda: -inf, self._at_least)
        high: dict[Cell, float] = defaultdict(lambda: inf)
        for _ in range(_ROUNDS):
            narrower = [_tighten(cells, number, low, high) for cells, number in self._rows]
            if not any(narrower):
                break
        return {cell: (low[cell], high[cell]) for cells, _ in self._rows for cell in cells}


def _eliminated(rows: list[Row]) -> dict[Cell, Number]:
    """Return the unknowns that these equations determine (Gauss and Jordan, on the few cells that a row has)."""
    solved: dict[Cell, Row] = {}
    users: defaultdict[Cell, set[Cell]] = defaultdict(set)
    for cells, number in rows:
        for cell in [cell for cell in cells if cell in solved]:
            number = _subtract(cells, number, cells[cell], solved[cell])
        if not cells:
            assert number == 0, "what is shown contradicts itself"
            continue
        pivot = min(cells, key=lambda cell: (abs(cells[cell]) != 1, len(users[cell])))
        row = _over(cells, number, cells[pivot])
        for user in list(users.pop(pivot, ())):
            other, rest = solved[user]
            solved[user] = other, _subtract(other, rest, other[pivot], row)
            for cell in row[0]:
                (users[cell].add if cell in other else users[cell].discard)(user)
        solved[pivot] = row
        for cell in row[0]:
            if cell != pivot:
                users[cell].add(pivot)
    return {cell: number for cell, (cells, number) in solved.items() if len(cells) == 1}


def _over(cells: dict[Cell, Number], number: Number, factor: Number) -> Row:
    by: Number = int(factor) if abs(factor) == 1 else 1 / Fraction(factor)
    return {cell: n * by for cell, n in cells.items()}, number * by


def _subtract(cells: dict[Cell, Number], number: Number, factor: Number, other: Row) -> Number:
    """Take `factor` times the other equation from the cells, and return what their number becomes."""
    for cell, n in other[0].items():
        cells[cell] = cells.get(cell, 0) - factor * n
        if not cells[cell]:
            del cells[cell]
    return number - factor * other[1]


def _tighten(cells: Mapping[Cell, int], number: int, low: dict[Cell, float], high: dict[Cell, float]) -> bool:
    """Narrow the bounds of each cell by those of the others; say whether any became narrower."""
    narrower = False
    for cell, n in cells.items():
        others = [(factor, other) for other, factor in cells.items() if other != cell]
        most = sum(f * (high[o] if f > 0 else low[o]) for f, o in others)
        least = sum(f * (low[o] if f > 0 else high[o]) for f, o in others)
        ends = sorted(((number - most) / n, (number - least) / n))
        if ends[0] > -inf and ceil(ends[0]) > low[cell]:
            low[cell], narrower = ceil(ends[0]), True
        if ends[1] < inf and floor(ends[1]) < high[cell]:
            high[cell], narrower = floor(ends[1]), True
    return narrower
