"""Which numbers of a family of regions the public does not see, so that subtraction gives none of them back.

A family is a parent and its children; the parent's number is the sum of its children's and of its unplaced people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

_LARGEST_SMALL: Final = 9
"""semantics.md, "The public view": each cell of 1 to 9 people is hidden."""

NONE_KNOWN: Final[Mapping[str, int]] = {}


def unplaced_of(region: str) -> str:
    """Return the name under which a region's unplaced people are one more child of it."""
    return f"{region}/unplaced"


def is_small(number: int) -> bool:
    """Say whether a number of people is 1 to 9, in either direction."""
    return 1 <= abs(number) <= _LARGEST_SMALL


def hidden_children(
    cells: Mapping[str, int], *, parent_hidden: bool, forced: Collection[str] = frozenset()
) -> frozenset[str]:
    """Return which numbers of a sum are hidden.

    These are the small ones and the next smallest with people, since the others and the sum would reveal a single one;
    those `forced`, never one alone; and at least one if the sum itself is hidden.
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
    cells: Mapping[str, int],
    *,
    parent_hidden: bool,
    forced: frozenset[str] = frozenset(),
    at_least: Mapping[str, int] = NONE_KNOWN,
) -> frozenset[str]:
    """Return the children whose numbers of people are hidden: all of them if the sum of the hidden ones would tell.

    Ten people in ten hidden places are one in each. So the hidden ones must have room together: 9 people more than
    each is known to have, which is one, or more by `at_least`. Of a forced child nothing is known.
    """
    hidden = hidden_children(cells, parent_hidden=parent_hidden, forced=forced) | (forced & cells.keys())
    if not hidden and not parent_hidden:
        return hidden
    known = sum(max(at_least.get(child, 0), int(child not in forced)) for child in hidden)
    room = sum(cells[child] for child in hidden) - known
    return hidden if room >= _LARGEST_SMALL else frozenset(cells)
