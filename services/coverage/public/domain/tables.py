"""Which cells of a table are hidden: a row a region of one family, a column a value such as a segment.

Both directions add up: a column to the parent's number, and a row of segments to the region's people. Hiding two cells
in each row and column is not enough: where two blocks of hidden cells share one cell only, its value is what each
block's sums leave over. So one row and one column, the hubs, are hidden wherever anything is. Then each hidden cell is
the corner of a rectangle of four, and one person more in it changes no sum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from services.coverage.public.domain.suppression import hidden_children, is_small

Table = Mapping[str, Mapping[str, int]]
"""Numbers by row and column; an absent one is 0."""
Cell = tuple[str, str]
"""Row and column."""


def hidden_cells(
    table: Table,
    columns: Sequence[str],
    *,
    forced: Collection[Cell] = frozenset(),
    hidden_sums: Collection[str] | None,
    rows_add_up: bool,
) -> frozenset[Cell]:
    """Return the hidden cells: the small and the forced ones, and what would reveal them.

    `hidden_sums` are the columns whose sum, the parent's number, is hidden; None where nobody knows the sums.
    """
    numbers = {(row, column): table[row].get(column, 0) for row in table for column in columns}
    hidden = {cell for cell, number in numbers.items() if is_small(number)} | set(forced)
    hubs = _Hubs(numbers, list(table), columns, hidden_sums or ()) if rows_add_up else None
    while True:
        more = set(hidden)
        for row in table:
            cells = {column: numbers[row, column] for column in columns}
            ours = {column for column in columns if (row, column) in more}
            more |= {(row, column) for column in hidden_children(cells, parent_hidden=False, forced=ours)}
        for column in columns if hidden_sums is not None else ():
            cells = {row: numbers[row, column] for row in table}
            ours = {row for row in table if (row, column) in more}
            found = hidden_children(cells, parent_hidden=column in (hidden_sums or ()), forced=ours)
            more |= {(row, column) for row in found}
        if hubs is not None:
            more.update(hubs.closing(more))
        if more == hidden:
            return frozenset(hidden)
        hidden = more


class _Hubs:
    """The row and the column that are hidden wherever any other is."""

    def __init__(
        self, numbers: Mapping[Cell, int], rows: Sequence[str], columns: Sequence[str], hidden_sums: Collection[str]
    ) -> None:
        self._numbers = numbers
        self._rows = rows
        self._columns = columns
        self._hidden_sums = frozenset(hidden_sums)

    def closing(self, hidden: Collection[Cell]) -> Iterable[Cell]:
        """Return the cells that the hubs add."""
        rows = {row for row, _ in hidden}
        columns = {column for _, column in hidden} | self._hidden_sums
        if not columns:
            return []
        hub_row = self._row(columns, hidden)
        hub_column = self._column(rows, hidden)
        cells = {(hub_row, column) for column in columns} | {(row, hub_column) for row in {*rows, hub_row}}
        for row in rows:
            if {column for one, column in cells | set(hidden) if one == row} == {hub_column}:
                cells.add((row, self._column([row], hidden, other_than=hub_column)))
        for column in columns - self._hidden_sums:
            if {row for row, one in cells | set(hidden) if one == column} == {hub_row}:
                cells.add((self._row([column], hidden, other_than=hub_row), column))
        return cells

    def _row(self, columns: Collection[str], hidden: Collection[Cell], other_than: str | None = None) -> str:
        rows = [row for row in self._rows if row != other_than] or self._rows
        return min(rows, key=lambda row: self._cost([(row, column) for column in columns], hidden))

    def _column(self, rows: Collection[str], hidden: Collection[Cell], other_than: str | None = None) -> str:
        columns = [column for column in self._columns if column != other_than]
        return min(columns, key=lambda column: self._cost([(row, column) for row in rows], hidden))

    def _cost(self, cells: Sequence[Cell], hidden: Collection[Cell]) -> tuple[int, int, int]:
        """Return what choosing these cells costs: cells without people protect least, then cells not hidden yet."""
        empty = sum(not self._numbers[cell] for cell in cells)
        return empty, sum(cell not in hidden for cell in cells), sum(abs(self._numbers[cell]) for cell in cells)
