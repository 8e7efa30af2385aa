"""Which cells of a table are hidden: laws of any table, and what each rule is for."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.public.domain.suppression import is_small
from services.coverage.public.domain.tables import Cell, hidden_cells

COLUMNS = ("BPU", "JAKON", "PU")
PEOPLE = st.one_of(st.just(0), st.integers(1, 9), st.integers(10, 500))


class Drawn(NamedTuple):
    """A table, and the cells and sums that are hidden whatever they hold."""

    table: dict[str, dict[str, int]]
    forced: frozenset[Cell]
    hidden_sums: frozenset[str]

    def hidden(self, *, forced: frozenset[Cell] | None = None) -> frozenset[Cell]:
        """Return what is hidden of it where its rows add up."""
        return hidden_cells(
            self.table, COLUMNS, forced=self.forced if forced is None else forced, hidden_sums=self.hidden_sums,
            rows_add_up=True,
        )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    """Draw a table of two to five regions. Sums are hidden only where there are people, and never one alone."""
    rows = [f"11.0{n}" for n in range(draw(st.integers(2, 5)))]
    table = {row: {column: draw(PEOPLE) for column in COLUMNS} for row in rows}
    cells = st.tuples(st.sampled_from(rows), st.sampled_from(COLUMNS))
    with_people = [column for column in COLUMNS if any(table[row][column] for row in rows)]
    hidden_sums = draw(st.frozensets(st.sampled_from(with_people), min_size=2)) if len(with_people) > 1 else frozenset()
    hidden_sums = draw(st.sampled_from([hidden_sums, frozenset[str]()]))
    return Drawn(table, draw(st.frozensets(cells, max_size=3)), hidden_sums)


@given(tables())
def test_the_small_and_the_forced_are_hidden(drawn: Drawn) -> None:
    """Whatever else is."""
    small = {(row, column) for row, cells in drawn.table.items() for column, n in cells.items() if is_small(n)}
    assert small | drawn.forced <= drawn.hidden()


@given(tables())
def test_each_hidden_cell_is_the_corner_of_a_hidden_rectangle(drawn: Drawn) -> None:
    """So one person more in it, and one fewer beside it, changes no sum; where a column's sum is hidden two suffice."""
    hidden = drawn.hidden()
    for row, column in hidden:
        beside = {other for one, other in hidden if one == row and other != column}
        assert any(
            {column, other} <= drawn.hidden_sums
            or any({(line, column), (line, other)} <= hidden for line in drawn.table if line != row)
            for other in beside
        )


@given(tables())
def test_hiding_what_is_hidden_hides_no_more(drawn: Drawn) -> None:
    """The cells found are complete: a second pass that begins with them ends with them."""
    hidden = drawn.hidden()
    assert drawn.hidden(forced=hidden) == hidden


@given(tables())
def test_a_table_without_few_people_is_shown(drawn: Drawn) -> None:
    """Where nothing is small or forced, and every sum is shown, every cell is."""
    table = {row: {column: n * 10 for column, n in cells.items()} for row, cells in drawn.table.items()}
    assert not Drawn(table, frozenset(), frozenset()).hidden()


def test_where_nobody_knows_the_sums_a_family_gives_nothing_away() -> None:
    """Moves of a parent are not the sum of its children's: only the row of the few is hidden."""
    table = {"11.01": {"moved_in": 3, "moved_out": 50}, "11.02": {"moved_in": 40, "moved_out": 60}}
    columns = ("moved_in", "moved_out")
    found = hidden_cells(table, columns, hidden_sums=None, rows_add_up=False)
    assert found == {("11.01", "moved_in"), ("11.01", "moved_out")}
    assert len(hidden_cells(table, columns, hidden_sums=(), rows_add_up=False)) == 4


def test_two_blocks_that_share_a_cell_do_not_give_it_away() -> None:
    """Each row and column has two small cells, yet the sums of both blocks leave one over: so more is hidden."""
    table = {
        "11.01": {"BPU": 3, "JAKON": 4, "PU": 90},
        "11.02": {"BPU": 5, "JAKON": 6, "PU": 7},
        "11.03": {"BPU": 80, "JAKON": 8, "PU": 9},
    }
    found = Drawn(table, frozenset(), frozenset()).hidden()
    small = {(row, column) for row, cells in table.items() for column, n in cells.items() if is_small(n)}
    assert small < found
