"""Hides slices of a region from the public: by segment, group, payer, programme, due, or a window of flows.

A slice is hidden whole if one of its numbers is one to nine, or the rest of the region's people is, or if it would
reveal a hidden slice: among the regions whose sum is shown, never only one is hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from services.coverage.public.counts import MEASURES
from services.coverage.public.domain.suppression import Children, hidden_numbers, is_small
from services.coverage.public.flows import additive, numbers_of, window_of
from shared.contracts.snapshots import Count, Snapshot

SLICES: Final = ("by_segment", "by_group", "by_payer", "by_programme", "due")

Numbers = Mapping[str, int]


def hidden_slices(
    snapshots: Mapping[str, Snapshot],
    parents: Sequence[str],
    children: Children,
    hidden_counts: Collection[str],
    name: str,
) -> frozenset[str]:
    """Return the regions whose slice of this name is hidden. `hidden_counts` are those whose own counts are."""
    numbers = {region: _numbers(snapshot, name) for region, snapshot in snapshots.items()}
    columns = {column for row in numbers.values() for column in row}
    hidden = frozenset(region for region in snapshots if region in hidden_counts or _tells(snapshots[region], name))
    while True:
        more = hidden.union(
            *(
                hidden_numbers(
                    {region: row.get(column, 0) for region, row in numbers.items()}, parents, children, forced=hidden
                )
                for column in columns
            )
        )
        if more == hidden:
            return hidden
        hidden = more


def _numbers(snapshot: Snapshot, name: str) -> Numbers:
    """Return the numbers of a slice by what they count; a parent's is the sum of its children's."""
    if window := window_of(name):
        return additive(snapshot, window)
    if name == "due":
        return {
            f"{window} {payer}": people for window, payers in snapshot.due.items() for payer, people in payers.items()
        }
    cells: Mapping[str, Count] = getattr(snapshot, name)
    return {f"{value} {measure}": getattr(count, measure) for value, count in cells.items() for measure in MEASURES}


def _tells(snapshot: Snapshot, name: str) -> bool:
    """Say whether the slice shows a small number, or leaves one when it is taken from another that is shown."""
    return any(map(is_small, _shown_by(snapshot, name)))


def _shown_by(snapshot: Snapshot, name: str) -> Iterable[int]:
    if window := window_of(name):
        yield from numbers_of(snapshot, window)
    elif name == "due":
        yield from _shown_by_due(snapshot)
    else:
        for count in getattr(snapshot, name).values():
            yield from (count.registered, count.active)
            yield from (snapshot.registered - count.registered, snapshot.active - count.active)


def _shown_by_due(snapshot: Snapshot) -> Iterable[int]:
    for payer, count in snapshot.by_payer.items():
        shorter = 0
        for payers in snapshot.due.values():
            people = payers.get(payer, 0)
            yield from (people, people - shorter, count.active - people)
            shorter = people
