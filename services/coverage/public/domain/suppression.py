"""Chooses the numbers that the public view hides, so that nobody can compute one (semantics.md, "The public view").

It takes one column of numbers at a time: registered, active, or one flow. A region's number is the sum of its
children's and its unplaced people's.
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

    Those of one to nine with the next smallest that has people, since the others and their sum would give a lone one
    away; those `forced` that are not 0, never one alone; and one at least where the parent's own number is hidden.
    """
    small = {child for child, number in cells.items() if is_small(number)}
    larger = sorted((abs(number), child) for child, number in cells.items() if number and child not in small)
    hidden = small | {child for _, child in larger if child in forced}
    if small or (parent_hidden and not hidden):
        hidden |= {child for _, child in larger[:1]}
    if len(hidden) == 1 and not parent_hidden:
        hidden |= {child for _, child in [other for other in larger if other[1] not in hidden][:1]}
    return frozenset(hidden)


def hidden_people(
    cells: Mapping[str, int], *, parent_hidden: bool, forced: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return the children whose numbers of people are hidden: all of them where so few are in the hidden ones that
    their sum would tell.

    Ten people in ten hidden places are one in each, and a place of 5 beside another of 5 is of fewer than ten. So each
    could hold 9 more than the one that a hidden place is known to have, or even an empty one is hidden with them. Of
    those `forced` that is not known: they are hidden with nobody too.
    """
    hidden = hidden_children(cells, parent_hidden=parent_hidden, forced=forced) | (forced & cells.keys())
    if not hidden and not parent_hidden:
        return hidden
    room = sum(cells[child] for child in hidden) - len(hidden - forced)
    return hidden if room >= _LARGEST_HIDDEN else frozenset(cells)


def hidden_numbers(
    column: Mapping[str, int],
    parents: Sequence[str],
    children: Children,
    forced: frozenset[str] = frozenset(),
    rule: Callable[..., frozenset[str]] = hidden_children,
) -> frozenset[str]:
    """Return which numbers of the column are hidden: regions, and `unplaced_of` the parents.

    `parents` come from the top down, the nation first; a region that is not in the column has 0.
    """
    hidden = {top for top in parents[:1] if is_small(column.get(top, 0)) or top in forced}
    for parent in parents:
        cells = {child: column.get(child, 0) for child in children(parent)}
        cells[unplaced_of(parent)] = column.get(parent, 0) - sum(cells.values())
        hidden |= rule(cells, parent_hidden=parent in hidden, forced=forced)
    return frozenset(hidden)
