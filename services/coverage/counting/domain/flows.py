"""Gross flows: how many people joined, lapsed, moved … in a region, by effective day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from services.coverage.counting.domain.movements import MOVED_IN, MOVED_OUT, MOVED_WITHIN, NO_FLOW, Movement
from services.coverage.counting.domain.profiles import is_active
from shared.contracts.snapshots import Count, Window

FLOW_KINDS: Final = (
    "joined", "rejoined", "ended", MOVED_IN, MOVED_OUT, "lapsed", "activated", "returned", MOVED_WITHIN,
)  # fmt: skip
"""In the order in which snapshots show them."""

WINDOWS: Final[dict[Window, timedelta]] = {"7d": timedelta(7), "30d": timedelta(30), "90d": timedelta(90)}
"""The windows of a snapshot (semantics.md, "Counts")."""

DAY: Final = timedelta(days=1)

Flows = dict[str, dict[int, int]]
"""People by flow code and by ordinal of the effective day."""

_CODES: Final = 10_000
"""More than there are kinds and profiles together."""
_CHANGE: Final = -2
"""Index at which a code's change in active begins: `lapsed-1`."""


@lru_cache(maxsize=_CODES)
def flow_code(kind: str, before: str | None, after: str | None) -> str | None:
    """Return kind and change in active as one word; None if the step is no flow. Profiles are codes."""
    change = is_active(after) - is_active(before)
    if kind in NO_FLOW or (kind == MOVED_WITHIN and not change):
        return None
    return f"{kind}{change:+d}"


@lru_cache(maxsize=_CODES)
def flow_of(code: str) -> tuple[str, int]:
    """Return kind and change in active (1, 0 or -1) of a flow code."""
    return code[:_CHANGE], int(code[_CHANGE:])


def flows_of(movements: Iterable[tuple[Movement, int]]) -> Flows:
    """Return the flows that the movements make."""
    flows: Flows = {}
    for movement, people in movements:
        add_movement(flows, movement, people)
    return flows


def add_movement(into: Flows, movement: Movement, people: int) -> None:
    """Add the flow of people who made a movement, unless it is no flow."""
    if (code := flow_code(movement.kind, movement.before, movement.after)) is not None:
        add_flow(into, code, movement.effective_day.toordinal(), people)


def add_flow(into: Flows, code: str, day: int, people: int) -> None:
    """Add people of one flow and day."""
    days = into.get(code)
    if days is None:
        days = into[code] = {}
    days[day] = days.get(day, 0) + people


def add_flows(into: Flows, other: Flows) -> None:
    """Add the other's people."""
    for code, found in other.items():
        days = into.get(code)
        if days is None:
            into[code] = found.copy()
            continue
        for day, people in found.items():
            days[day] = days.get(day, 0) + people


def since(flows: Flows, first: date) -> Flows:
    """Return the flows of that day and later, without those that sum to 0."""
    ordinal = first.toordinal()
    recent = {code: {day: n for day, n in days.items() if day >= ordinal and n} for code, days in flows.items()}
    return {code: days for code, days in recent.items() if days}


def before(day: date, length: timedelta = DAY) -> date:
    """Return the day so long before, but no day before the calendar's first, on which nothing happened."""
    return day - min(length, day - date.min)


def first_day(today: date) -> date:
    """Return the first day of the longest window that ends today."""
    return before(today, max(WINDOWS.values()) - DAY)


def windowed(flows: Flows, today: date) -> dict[Window, dict[str, Count]]:
    """Return the flows of each window that ends today, with every kind. `7d` is today and the six days before."""
    return {window: summed(flows, before(today, length - DAY), today) for window, length in WINDOWS.items()}


def summed(flows: Flows, first: date, last: date) -> dict[str, Count]:
    """Return the flows of the days from first to last, with every kind."""
    sums, begin, end = dict.fromkeys(FLOW_KINDS, Count()), first.toordinal(), last.toordinal()
    for code, days in flows.items():
        (kind, change), people = flow_of(code), sum([n for day, n in days.items() if begin <= day <= end])
        # A move within the region adds only its change in active.
        registered = 0 if kind == MOVED_WITHIN else people
        sums[kind] = Count(sums[kind].registered + registered, sums[kind].active + people * change)
    return sums


def change_of(kinds: Mapping[str, Count]) -> Count:
    """Return by how much registered and active changed: people who came less those who went, and Σ active."""
    came, went = (
        sum(kinds[kind].registered for kind in side)
        for side in (("joined", "rejoined", MOVED_IN), ("ended", MOVED_OUT))
    )
    return Count(came - went, sum(count.active for count in kinds.values()))
