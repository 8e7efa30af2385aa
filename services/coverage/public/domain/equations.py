"""Linear equations over whole numbers: which unknowns they determine, exactly, and between what the others lie."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil, floor, inf, isfinite
from typing import Any

Cell = tuple[Any, ...]
Number = int | Fraction
Row = tuple[dict[Cell, Number], Number]
"""Coefficients by cell, and what they come to."""

_ROUNDS = 30
"""Bounds go from a parent to its children and back; deeper trees than ours need no more."""
_WIDEST = 60
"""Rows of more unknowns narrow none of them."""
_EPSILON = 1e-9
"""Numbers are whole; division is not."""


class Equations:
    """Σ coefficient × cell = number, for cells of which some are known.

    A row that contradicts the others tells nothing: a release made before late facts came does not agree with the next.
    """

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

    def solved(self) -> dict[Cell, tuple[float, float]]:
        """Return between which whole numbers each unknown lies: by exact elimination, and by bounds from all rows.

        Bounds are drawn from the equations as they came, and then from those that elimination leaves, which join
        several. What the first bounds determine is known in the elimination.
        """
        rows: list[Row] = [(dict(cells), number) for cells, number in self._rows]
        first = _bounds(rows, self._at_least)
        known = {cell: int(low) for cell, (low, high) in first.items() if low == high}
        core = _core([_less_known(row, known) for row in rows])
        rows += [row for row in _eliminated(core) if len(row[0]) <= _WIDEST]
        return _bounds(rows, self._at_least)


def _less_known(row: Row, known: Mapping[Cell, int]) -> Row:
    cells, number = row
    rest = number - sum(n * known[cell] for cell, n in cells.items() if cell in known)
    return {cell: n for cell, n in cells.items() if cell not in known}, rest


def _core(all_rows: list[Row]) -> list[Row]:
    """Return the equations that hang together: one with an unknown that is in no other says nothing of the rest."""
    rows = dict(enumerate(all_rows))
    users: defaultdict[Cell, set[int]] = defaultdict(set)
    for n, (cells, _) in rows.items():
        for cell in cells:
            users[cell].add(n)
    lone = [cell for cell, using in users.items() if len(using) == 1]
    while lone:
        for n in list(users[lone.pop()]):
            for cell in rows.pop(n)[0]:
                users[cell].discard(n)
                if len(users[cell]) == 1:
                    lone.append(cell)
    return list(rows.values())


def _bounds(rows: list[Row], at_least: Mapping[Cell, int]) -> dict[Cell, tuple[float, float]]:
    """Return between which whole numbers each unknown lies, as far as one row after another tells."""
    low: dict[Cell, float] = defaultdict(lambda: -inf, at_least)
    high: dict[Cell, float] = defaultdict(lambda: inf)
    users: defaultdict[Cell, list[int]] = defaultdict(list)
    for n, (cells, _) in enumerate(rows):
        for cell in cells:
            users[cell].append(n)
    waiting, rounds = deque(range(len(rows))), Counter[int]()
    queued = set(waiting)
    while waiting:
        n = waiting.popleft()
        queued.discard(n)
        if rounds[n] == _ROUNDS:
            continue
        rounds[n] += 1
        for cell in _tighten(*rows[n], low, high):
            more = [user for user in users[cell] if user != n and user not in queued]
            waiting += more
            queued.update(more)
    return {cell: (low[cell], high[cell]) for cell in users}


def _eliminated(rows: list[Row]) -> list[Row]:
    """Return these equations solved for one unknown each (Gauss and Jordan, on the few cells that a row has)."""
    solved: dict[Cell, Row] = {}
    users: defaultdict[Cell, set[Cell]] = defaultdict(set)
    for cells, number in rows:
        for cell in [cell for cell in cells if cell in solved]:
            number = _subtract(cells, number, cells[cell], solved[cell])
        if not cells:
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
    return list(solved.values())


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


def _tighten(
    cells: Mapping[Cell, Number], number: Number, low: dict[Cell, float], high: dict[Cell, float]
) -> list[Cell]:
    """Narrow the bounds of each cell by those of the others; return the cells that became narrower."""
    narrower = []
    ends = {c: (f * low[c], f * high[c]) if f > 0 else (f * high[c], f * low[c]) for c, f in cells.items()}
    least, most = _Sum(end for end, _ in ends.values()), _Sum(end for _, end in ends.values())
    for cell, factor in cells.items():
        own_least, own_most = ends[cell]
        most_left, least_left = number - least.without(own_least), number - most.without(own_most)
        top, bottom = (most_left, least_left) if factor > 0 else (least_left, most_left)
        if isfinite(bottom) and ceil(bottom / factor - _EPSILON) > low[cell]:
            low[cell] = ceil(bottom / factor - _EPSILON)
            narrower.append(cell)
        if isfinite(top) and floor(top / factor + _EPSILON) < high[cell]:
            high[cell] = floor(top / factor + _EPSILON)
            narrower.append(cell)
    return narrower


class _Sum:
    """A sum of which one part can be left out, infinite parts among them."""

    def __init__(self, parts: Iterable[float]) -> None:
        self._finite, self._infinite = 0.0, 0
        self._sign = 0.0
        for part in parts:
            if isfinite(part):
                self._finite += part
            else:
                self._infinite += 1
                self._sign = part

    def without(self, part: float) -> float:
        """Return the sum of all others."""
        if isfinite(part):
            return self._sign if self._infinite else self._finite - part
        return self._sign if self._infinite > 1 else self._finite
