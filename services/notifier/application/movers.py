"""What moved a region's figure: its own flows, and those of the regions directly below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.notifier.domain.rules import Measure, Window
from shared.contracts.snapshots import Count, Snapshot

_SHOWN: Final = 5
"""As many as are read at a glance."""
_SIGNS: Final = {"joined": 1, "rejoined": 1, "moved_in": 1, "ended": -1, "moved_out": -1}
"""What a kind does to the number registered; kinds not named leave it as it is."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A region below and by how many people it changed the figure in the window."""

    name: str
    change: int


def change(flows: Mapping[str, Count], measure: Measure) -> int:
    """Return by how many people the flows changed the measure."""
    if measure is Measure.ACTIVE:
        return sum(count.active for count in flows.values())
    return sum(_SIGNS.get(kind, 0) * count.registered for kind, count in flows.items())


def movers(children: Sequence[Snapshot], window: Window, measure: Measure) -> list[Mover]:
    """Return the children that changed most, up or down; those that changed nothing are left out."""
    changes = [Mover(child.name, change(child.flows.get(window, {}), measure)) for child in children]
    return sorted((mover for mover in changes if mover.change), key=lambda mover: -abs(mover.change))[:_SHOWN]


def add_up(snapshot: Snapshot, children: Sequence[Snapshot]) -> bool:
    """Say whether the children and the unplaced come to just the people of the region: they are of one moment.

    A village has no children and is always of one moment.
    """
    if snapshot.level == "village":
        return True
    counts = [snapshot.unplaced, *(Count(child.registered, child.active) for child in children)]
    registered, active = sum(count.registered for count in counts), sum(count.active for count in counts)
    return (registered, active) == (snapshot.registered, snapshot.active)
