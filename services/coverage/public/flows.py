"""What the public sees of flows: those of a month end, a window's whole or none of it.

From day to day every window but loses one day and gains another, so shown each day the windows give back what happened
on every single day, and with it any window that was hidden. And the flows of a window are all that came between two
counts: with the later count they tell the earlier. 90 days are shown at the ends of quarters alone: in a leap year
those to March and 30 to April are 30 to January and 90 to April.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, cast, get_args

from services.coverage.counting.domain.flows import change_of
from services.coverage.counting.domain.movements import MOVES
from shared.contracts.snapshots import Snapshot, Window

WINDOWS: Final[tuple[Window, ...]] = get_args(Window)
_PREFIX: Final = "flows."


def name_of(window: Window) -> str:
    """Return the name under which a window's flows are a slice."""
    return _PREFIX + window


def is_shown(window: Window, month_end: date) -> bool:
    """Say whether the public may see the window that ends with this month; none of those is the sum of others."""
    return window != "90d" or month_end.month % 3 == 0


def window_of(name: str) -> Window | None:
    """Return the window whose flows this slice is; None for another slice."""
    return cast(Window, name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None


def numbers_of(snapshot: Snapshot, window: Window) -> Iterator[int]:
    """Yield every number of a window."""
    for count in snapshot.flows[window].values():
        yield from (count.registered, count.active)


def additive(snapshot: Snapshot, window: Window) -> dict[str, int]:
    """Return the numbers of which a parent's is the sum of its children's: all but moves."""
    kinds = {kind: count for kind, count in snapshot.flows[window].items() if kind not in MOVES}
    return {f"{kind} registered": count.registered for kind, count in kinds.items()} | {
        f"{kind} active": count.active for kind, count in kinds.items()
    }


def people_before(snapshots: Mapping[str, Snapshot], window: Window) -> dict[str, dict[str, int]]:
    """Return the counts by measure and region at the end of the day before the window began."""
    changes = {code: change_of(shot.flows[window]) for code, shot in snapshots.items()}
    return {
        "registered": {code: shot.registered - changes[code].registered for code, shot in snapshots.items()},
        "active": {code: shot.active - changes[code].active for code, shot in snapshots.items()},
    }
