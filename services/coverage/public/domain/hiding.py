"""Decides which cells of a release are hidden, family by family from the nation down (semantics.md, "The public view").

A family is judged with what is hidden of its parent, so it needs nothing of what lies below it or beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.coverage.public.domain.suppression import hidden_people, is_small, unplaced_of
from services.coverage.public.domain.tables import Cell as TableCell
from services.coverage.public.domain.tables import hidden_cells
from shared.contracts.snapshots import Count, QuotaBoard

MEASURES: Final = ("registered", "active")
SLICES: Final = ("by_segment", "by_payer", "by_group", "by_programme")
ADD_UP: Final = frozenset({"by_segment", "by_payer"})
"""Each person has one segment and one payer; groups and programmes overlap."""
FLOWS: Final = {
    "membership": ("joined", "rejoined", "ended", "moved_in", "moved_out"),
    "activity": ("lapsed", "activated", "returned", "moved_within"),
}
"""The first change the number of registered people, the second only who is active: two sums, so two tables."""
MOVES: Final = frozenset({"moved_in", "moved_out", "moved_within"})
"""A parent's moves are not the sum of its children's: a move between two of them is none of its own."""
_SIGNS: Final = {"joined": 1, "rejoined": 1, "moved_in": 1, "ended": -1, "moved_out": -1}


NOBODY: Final = Count()


class Cell(NamedTuple):
    """A number of a release: its column (`registered`, `by_segment.PU.active`, `flows.joined`) and its region."""

    column: str
    region: str


Cells = frozenset[Cell]


class Within(NamedTuple):
    """People of a group in a regency: at most so many inside villages and outside; with boards it is known closer."""

    inside: int
    outside: int
    by_boards: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of a region before anything is hidden. Districts and villages have no slices, flows or boards.

    `at_least` is what everybody knows the active people to be at least, from quotas that villages meet; `groups` says
    by group under a quota what the places below a regency tell of it.
    """

    region: str
    people: Count
    unplaced: Count = NOBODY
    slices: Mapping[str, Mapping[str, Count]] = field(default_factory=dict)
    flows: Mapping[str, Count] = field(default_factory=dict)
    quota: tuple[QuotaBoard, ...] = ()
    at_least: int = 0
    groups: Mapping[str, Within] = field(default_factory=dict)

    def number(self, measure: str) -> int:
        """Return how many people the measure counts."""
        return getattr(self.people, measure)  # type: ignore[no-any-return]


def hidden_top(nation: Counted, before: Cells = frozenset(), forced: Cells = frozenset()) -> Cells:
    """Return the hidden cells of the nation, which is nobody's child."""
    return _Family(None, [nation], frozenset(), before, forced).hidden()


def hidden_family(
    parent: Counted, children: Sequence[Counted], above: Cells, before: Cells = frozenset(), forced: Cells = frozenset()
) -> Cells:
    """Return the hidden cells of the children and of the parent's unplaced people.

    `above` are the hidden cells of the parent, `before` the counts hidden in the release of the month before, `forced`
    the cells that are hidden whatever they hold.
    """
    return _Family(parent, [*children, _unplaced(parent, children)], above, before, forced).hidden()


def _unplaced(parent: Counted, children: Sequence[Counted]) -> Counted:
    """Return the people that none of the children has, as one more child: the parent's numbers less the children's."""
    slices = {
        name: {value: _less(count, (child.slices[name].get(value, Count()) for child in children))
               for value, count in values.items()}
        for name, values in parent.slices.items()
    } if children and children[0].slices else {}  # fmt: skip
    flows = {
        kind: _less(count, (child.flows.get(kind, Count()) for child in children))
        for kind, count in parent.flows.items()
        if kind not in MOVES
    } if slices else {}  # fmt: skip
    return Counted(unplaced_of(parent.region), parent.unplaced, slices=slices, flows=flows)


def _less(count: Count, others: Iterable[Count]) -> Count:
    rest = Count(count.registered, count.active)
    for other in others:
        rest = Count(rest.registered - other.registered, rest.active - other.active)
    return rest


class _Family:
    """One family's decision; `parent` is None for the nation."""

    def __init__(
        self, parent: Counted | None, rows: Sequence[Counted], above: Cells, before: Cells, forced: Cells
    ) -> None:
        self._parent = parent
        self._rows = rows
        self._above = above
        self._before = before
        self._forced = forced

    def hidden(self) -> Cells:
        counts = {"registered": self._counts("registered", now=True, forced=self._forced_in("registered"))}
        counts["active"] = self._counts("active", now=True, forced=counts["registered"] | self._forced_in("active"))
        cells = {Cell(measure, region) for measure, regions in counts.items() for region in regions}
        if self._rows[0].slices:
            for name in SLICES:
                cells |= self._slice(name, counts)
            cells |= self._flows(counts["registered"] | counts["active"])
            cells |= self._boards(frozenset(cells))
        return frozenset(cells)

    def _forced_in(self, column: str) -> frozenset[str]:
        return frozenset(row.region for row in self._rows if Cell(column, row.region) in self._forced)

    def _counts(self, measure: str, *, now: bool, forced: frozenset[str] = frozenset()) -> frozenset[str]:
        """Return the rows whose number of people is hidden, at the end of the month or before its flows."""
        numbers = {row.region: row.number(measure) - (0 if now else _change(row, measure)) for row in self._rows}
        if self._parent is None:
            return frozenset(region for region, number in numbers.items() if is_small(number) or region in forced)
        if now:
            parent_hidden = Cell(measure, self._parent.region) in self._above
        else:
            parent_hidden = is_small(self._parent.number(measure) - _change(self._parent, measure)) or (
                Cell("flows.joined", self._parent.region) in self._above
            )
        at_least = {row.region: row.at_least for row in self._rows} if now else {}
        return hidden_people(numbers, parent_hidden=parent_hidden, forced=forced, at_least=at_least)

    def _slice(self, name: str, counts: Mapping[str, frozenset[str]]) -> set[Cell]:
        """Return the hidden cells of a slice; a region whose count is hidden shows none of its slices."""
        columns = sorted({value for row in self._rows for value in row.slices.get(name, ())})
        forced: set[TableCell] = set()
        hidden: set[Cell] = set()
        for measure in MEASURES:
            table = {
                row.region: {value: getattr(count, measure) for value, count in row.slices[name].items()}
                for row in self._rows
            }
            forced |= {(region, value) for region in counts[measure] for value in columns}
            forced |= {(r, value) for value in columns for r in self._forced_in(f"{name}.{value}.{measure}")}
            forced |= hidden_cells(
                table, columns, forced=forced, hidden_sums=self._hidden_above(f"{name}.{{}}.{measure}", columns),
                rows_add_up=name in ADD_UP,
            )  # fmt: skip
            hidden |= {Cell(f"{name}.{value}.{measure}", region) for region, value in forced}
        return hidden

    def _flows(self, few: frozenset[str]) -> set[Cell]:
        """Return the hidden kinds of flow, each with both its numbers.

        All are hidden of a region whose count is hidden now or before: with the other count they would reveal it.
        """
        began = self._counts("registered", now=False)
        began |= self._counts("active", now=False, forced=began)
        began |= {row.region for row in self._rows for m in MEASURES if Cell(m, row.region) in self._before}
        hidden: set[Cell] = set()
        for names in FLOWS.values():
            # Nobody moves into the nation or out of it, and everybody knows.
            kinds = [kind for kind in names if self._parent is not None or kind not in ("moved_in", "moved_out")]
            table = {row.region: {kind: _size(row.flows.get(kind, Count())) for kind in kinds} for row in self._rows}
            forced = {(region, kind) for region in few | began for kind in kinds}
            forced |= {(region, kind) for kind in kinds for region in self._forced_in(f"flows.{kind}")}
            found = hidden_cells(
                table, kinds, forced=forced, hidden_sums=self._hidden_above("flows.{}", kinds), rows_add_up=True
            )
            hidden |= {Cell(f"flows.{kind}", region) for region, kind in found}
        return hidden

    def _boards(self, hidden: Cells) -> set[Cell]:
        """Return the boards that are hidden: those of a hidden group, and those whose gap would tell of few people."""
        groups = sorted({board.group for row in self._rows for board in row.quota})
        cells: set[Cell] = set()
        for group in groups:
            boards = {row.region: board for row in self._rows for board in row.quota if board.group == group}
            forced = {row.region for row in self._rows if row.region in boards and _tells(row, boards, group, hidden)}
            forced |= self._forced_in(f"quota.{group}") & boards.keys()
            numbers = {region: board.villages for region, board in boards.items()}
            above = self._hidden_above("quota.{}", [group])
            if above is not None:
                forced = _with_another(numbers, forced, parent_hidden=bool(above))
            cells |= {Cell(f"quota.{group}", region) for region in forced}
        return cells

    def _hidden_above(self, column: str, values: Iterable[str]) -> frozenset[str] | None:
        """Return the values whose cell is hidden of the parent; None of the nation, which has none."""
        if self._parent is None:
            return None
        return frozenset(value for value in values if Cell(column.format(value), self._parent.region) in self._above)


def _with_another(numbers: Mapping[str, int], forced: Collection[str], *, parent_hidden: bool) -> set[str]:
    """Return the forced ones and the smallest other, so that the parent's less the others' reveals none."""
    if not forced and not parent_hidden:
        return set()
    others = sorted((number, region) for region, number in numbers.items() if region not in forced)
    enough = 1 if parent_hidden else 2
    return {*forced, *(region for _, region in others[: max(0, enough - len(forced))])}


def _tells(row: Counted, boards: Mapping[str, QuotaBoard], group: str, hidden: Cells) -> bool:
    board = boards[row.region]
    measures = [board.measure] if board.measure else MEASURES
    if any(Cell(f"by_group.{group}.{measure}", row.region) in hidden for measure in measures):
        return True
    counted = row.slices.get("by_group", {}).get(group, Count())
    return is_small(board.people_below) or any(is_small(getattr(counted, m) - board.people_below) for m in measures)


def _size(count: Count) -> int:
    """Return the number by which a kind of flow is judged: a small one, if either of its numbers is small."""
    numbers = sorted((abs(count.registered), abs(count.active)))
    return next((number for number in numbers if is_small(number)), numbers[1])


def _change(row: Counted, measure: str) -> int:
    """Return by how much the flows changed the number of people."""
    if measure == "active":
        return sum(count.active for count in row.flows.values())
    return sum(sign * row.flows[kind].registered for kind, sign in _SIGNS.items() if kind in row.flows)
