"""Flows in the public view: windows that end with a month, each whole or not at all.

From one day to the next a window loses one day and gains another. Windows of every day would therefore reveal the flows
of every day, and so any hidden window. A window also reveals the count at its start from the count at its end. The 90
days are shown at the ends of quarters alone: in a leap year, 90 days to March and 30 to April equal 30 to January and
90 to April.
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
