"""What changed a region's figure: its own flows, and the flows of the regions directly below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.notifier.domain.rules import Measure
from shared.contracts.snapshots import Count, Snapshot, Window

_SHOWN: Final = 5
"""As many as an official reads at a glance."""
_SIGNS: Final = {"joined": 1, "rejoined": 1, "moved_in": 1, "ended": -1, "moved_out": -1}
"""Effect of a kind on the number registered; other kinds have none."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A region directly below, and by how many people it changed the figure in the window."""

    name: str
    change: int


def change(flows: Mapping[str, Count], measure: Measure) -> int:
    """Return how many people the flows added to the measure."""
    if measure is Measure.ACTIVE:
        return sum(count.active for count in flows.values())
    return sum(_SIGNS.get(kind, 0) * count.registered for kind, count in flows.items())


def movers(children: Sequence[Snapshot], window: Window, measure: Measure) -> list[Mover]:
    """Return the children with the largest changes, up or down, without those that did not change."""
    changes = [Mover(child.name, change(child.flows.get(window, {}), measure)) for child in children]
    return sorted((mover for mover in changes if mover.change), key=lambda mover: -abs(mover.change))[:_SHOWN]


def add_up(snapshot: Snapshot, children: Sequence[Snapshot]) -> bool:
    """Say whether children and unplaced people add up to the region, which means that all were counted together.

    A village has no children and always adds up.
    """
    if snapshot.level == "village":
        return True
    counts = [snapshot.unplaced, *(Count(child.registered, child.active) for child in children)]
    registered, active = sum(count.registered for count in counts), sum(count.active for count in counts)
    return (registered, active) == (snapshot.registered, snapshot.active)
