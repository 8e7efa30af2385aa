"""Which numbers the public view hides, so that none can be got back by subtraction (semantics.md, "The public view").

One column of numbers at a time: registered, active, or one flow; a region's number is the sum of its children's and
its unplaced people's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

_LARGEST_HIDDEN: Final = 9

Children = Callable[[str], tuple[str, ...]]


def unplaced_of(region: str) -> str:
    """Return the name under which the people of a region that none of its children has count as one more child."""
    return f"{region}/unplaced"


def is_small(number: int) -> bool:
    """Say whether a number of people is one to nine, which may tell who they are."""
    return 1 <= abs(number) <= _LARGEST_HIDDEN


def hidden_children(
    cells: Mapping[str, int], *, parent_hidden: bool, forced: Collection[str] = frozenset()
) -> frozenset[str]:
    """Return the children whose numbers are hidden.

    Those of one to nine, and those `forced` that are not 0; and if there is any, or the parent's own number is
    hidden, the next smallest with people too, since the others and their sum would give it away.
    """
    hidden = {child for child, number in cells.items() if is_small(number) or (number and child in forced)}
    if not hidden and not parent_hidden:
        return frozenset()
    rest = sorted((abs(number), child) for child, number in cells.items() if number and child not in hidden)
    return frozenset(hidden | {child for _, child in rest[:1]})


def hidden_numbers(
    column: Mapping[str, int], parents: Sequence[str], children: Children, forced: Collection[str] = frozenset()
) -> frozenset[str]:
    """Return which numbers of the column are hidden: regions, and `unplaced_of` the parents.

    `parents` come from the top down, the nation first; a region that is not in the column has 0.
    """
    hidden = {top for top in parents[:1] if is_small(column.get(top, 0)) or top in forced}
    for parent in parents:
        cells = {child: column.get(child, 0) for child in children(parent)}
        cells[unplaced_of(parent)] = column.get(parent, 0) - sum(cells.values())
        hidden |= hidden_children(cells, parent_hidden=parent in hidden, forced=forced)
    return frozenset(hidden)
