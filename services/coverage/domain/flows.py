"""Gross flows: how many people joined, lapsed, moved … in a region, by effective day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from services.coverage.domain.movements import MOVED_IN, MOVED_OUT, MOVED_WITHIN, NO_FLOW, Movement, MovementKey
from services.coverage.domain.standing import is_active
from shared.contracts.snapshots import Count, Window

FLOW_KINDS: Final = (
    "joined", "rejoined", "ended", MOVED_IN, MOVED_OUT, "lapsed", "activated", "returned", MOVED_WITHIN,
)  # fmt: skip

WINDOWS: Final[dict[Window, timedelta]] = {
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}

DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class Flow:
    """`people` is Σ diff; `active` is Σ diff × change in active."""

    people: int = 0
    active: int = 0

    def add(self, other: Flow) -> None:
        """Take the other's numbers in."""
        self.people += other.people
        self.active += other.active


Flows = dict[tuple[date, str], Flow]
"""By effective day and kind."""

FlowKey = tuple[date, str, int]
"""Effective day, kind, and by how much each of the people changed what is active: 1, 0 or -1."""


def flow_key(day: date, kind: str, before: str | None, after: str | None) -> FlowKey | None:
    """Return where people of these profiles are counted who moved alike; None where that is no flow."""
    change = is_active(after) - is_active(before)
    if kind in NO_FLOW or (kind == MOVED_WITHIN and not change):
        return None
    return day, kind, change


def flows_of(movements: Iterable[tuple[Movement | MovementKey, int]]) -> Flows:
    """Return the flows that the movements are; what comes to nothing is left out."""
    keyed = ((flow_key(day, kind, before, after), people) for (day, _, kind, before, after, *_), people in movements)
    return added_up((key, people) for key, people in keyed if key)


def added_up(people_by_key: Iterable[tuple[FlowKey, int]]) -> Flows:
    """Return the flows; the people of a move within are none, what became of their activity is."""
    flows: Flows = {}
    for (day, kind, change), people in people_by_key:
        flow = flows.get((day, kind))
        if flow is None:
            flow = flows[day, kind] = Flow()
        flow.people += 0 if kind == MOVED_WITHIN else people
        flow.active += people * change
    return {key: flow for key, flow in flows.items() if flow.people or flow.active}


def before(day: date, length: timedelta = DAY) -> date:
    """Return the day so long before; no earlier than the first of the calendar, and nothing happened on that."""
    return day - min(length, day - date.min)


def first_day(today: date) -> date:
    """Return the first day that any window ending today holds."""
    return before(today, max(WINDOWS.values()) - DAY)


def windowed(days: Flows, today: date) -> dict[Window, dict[str, Count]]:
    """Return the flows of each window that ends today, every kind named; `7d` is today and the six days before."""
    return {window: summed(days, before(today, length - DAY), today) for window, length in WINDOWS.items()}


def summed(days: Flows, first: date, last: date) -> dict[str, Count]:
    """Return the flows of the days from first to last, every kind named."""
    sums = {kind: Flow() for kind in FLOW_KINDS}
    for (day, kind), flow in days.items():
        if first <= day <= last:
            sums[kind].add(flow)
    return {kind: Count(flow.people, flow.active) for kind, flow in sums.items()}


def change_of(kinds: Mapping[str, Count]) -> Count:
    """Return by how much registered and active changed: who came less who went, and all that became active or not."""
    came = sum(kinds[kind].registered for kind in ("joined", "rejoined", MOVED_IN))
    went = sum(kinds[kind].registered for kind in ("ended", MOVED_OUT))
    return Count(came - went, sum(count.active for count in kinds.values()))
