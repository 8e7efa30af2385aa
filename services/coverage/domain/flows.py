"""Gross flows: how many people joined, lapsed, moved … in a region, per effective day and day of recording."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from services.coverage.domain.counters import lineage
from shared.contracts.changes import Change, Kind, State
from shared.contracts.snapshots import Count, Window
from shared.regions.codes import WIB, holds

MOVED_IN: Final = "moved_in"
MOVED_OUT: Final = "moved_out"
MOVED_WITHIN: Final = "moved_within"
FLOW_KINDS: Final = (
    "joined", "rejoined", "ended", MOVED_IN, MOVED_OUT, "lapsed", "activated", "returned", MOVED_WITHIN,
)  # fmt: skip
"""`reclassified` and `paid` change neither who is registered nor who is active: they are no flow."""

WINDOWS: Final[dict[Window, timedelta]] = {
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}


class FlowKey(NamedTuple):
    """Where a flow is counted. `recorded_day` is the WIB date everywhere."""

    region: str
    effective_day: date
    recorded_day: date
    kind: str


@dataclass(slots=True)
class Flow:
    """`people` is Σ diff; `active` is Σ diff × change in active."""

    people: int = 0
    active: int = 0


def fold(changes: Iterable[Change]) -> dict[FlowKey, Flow]:
    """Return what the changes add to each flow; what comes to nothing is left out."""
    flows: defaultdict[FlowKey, Flow] = defaultdict(Flow)
    for change in changes:
        recorded_day = change.recorded_at.astimezone(WIB).date()
        for region in touched(change):
            flow = flows[FlowKey(region, change.effective_day, recorded_day, kind_in(region, change))]
            flow.people += change.diff
            flow.active += change.diff * _change_in_active(region, change)
    return {key: counted for key, flow in flows.items() if (counted := _as_counted(key.kind, flow))}


def touched(change: Change) -> set[str]:
    """Return every region that holds the change's place before or after."""
    return {region for state in (change.before, change.after) if state for region in lineage(state.region)}


def kind_in(region: str, change: Change) -> str:
    """Return the kind as this region sees it: a move is in, out or within, by where the other end lies."""
    if change.kind is not Kind.MOVED:
        return change.kind.value
    origin = change.before.region if change.before else change.counterpart or ""
    target = change.after.region if change.after else change.counterpart or ""
    if not holds(region, origin):
        return MOVED_IN
    return MOVED_WITHIN if holds(region, target) else MOVED_OUT


def _change_in_active(region: str, change: Change) -> int:
    return _active_in(region, change.after) - _active_in(region, change.before)


def _active_in(region: str, state: State | None) -> int:
    return int(state is not None and state.active and holds(region, state.region))


def _as_counted(kind: str, flow: Flow) -> Flow | None:
    """Return the flow with the people of a move within taken out, as they are no flow; None where nothing is left."""
    if kind not in FLOW_KINDS:
        return None
    people = 0 if kind == MOVED_WITHIN else flow.people
    return Flow(people, flow.active) if people or flow.active else None


def first_day(today: date) -> date:
    """Return the first day that any window ending today holds."""
    return today - max(WINDOWS.values()) + timedelta(days=1)


def windowed(days: Mapping[tuple[date, str], Flow], today: date) -> dict[Window, dict[str, Count]]:
    """Return the flows of each window that ends today, every kind named; `7d` is today and the six days before."""
    return {window: _within(days, today - length, today) for window, length in WINDOWS.items()}


def _within(days: Mapping[tuple[date, str], Flow], after: date, until: date) -> dict[str, Count]:
    sums = {kind: Flow() for kind in FLOW_KINDS}
    for (day, kind), flow in days.items():
        if after < day <= until:
            sums[kind].people += flow.people
            sums[kind].active += flow.active
    return {kind: Count(flow.people, flow.active) for kind, flow in sums.items()}
