"""Gross flows: how many people joined, lapsed, moved … in a region, by effective day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from services.coverage.counting.domain.movements import (
    MOVED_IN,
    MOVED_OUT,
    MOVED_WITHIN,
    NO_FLOW,
    Movement,
    MovementKey,
)
from services.coverage.counting.domain.profiles import is_active
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


Flows = dict[str, dict[int, int]]
"""People by code of the flow, and by the ordinal of the day on which they changed so."""

_CODES: Final = 10_000
"""More than there are kinds and profiles together."""
_CHANGE: Final = -2
"""Where in a code the change in active begins: `lapsed-1`."""


@lru_cache(maxsize=_CODES)
def flow_code(kind: str, before: str | None, after: str | None) -> str | None:
    """Return the flow as one word, that of all who moved alike and whose activity changed alike; None where it is none.

    The profiles are codes as in `standing`.
    """
    change = is_active(after) - is_active(before)
    if kind in NO_FLOW or (kind == MOVED_WITHIN and not change):
        return None
    return f"{kind}{change:+d}"


@lru_cache(maxsize=_CODES)
def flow_of(code: str) -> tuple[str, int]:
    """Return kind and change in active (1, 0 or -1) of the flow that a code stands for."""
    return code[:_CHANGE], int(code[_CHANGE:])


def flows_of(movements: Iterable[tuple[Movement | MovementKey, int]]) -> Flows:
    """Return the flows that the movements are."""
    flows: Flows = {}
    for (day, _, kind, was, is_now, *_), people in movements:
        if (code := flow_code(kind, was, is_now)) is not None:
            add_flow(flows, code, day.toordinal(), people)
    return flows


def add_flow(into: Flows, code: str, day: int, people: int) -> None:
    """Take people in who changed so on one day."""
    days = into.get(code)
    if days is None:
        days = into[code] = {}
    days[day] = days.get(day, 0) + people


def add_flows(into: Flows, other: Flows) -> None:
    """Take the other's people in."""
    for code, found in other.items():
        days = into.get(code)
        if days is None:
            into[code] = found.copy()
            continue
        for day, people in found.items():
            days[day] = days.get(day, 0) + people


def since(flows: Flows, first: date) -> Flows:
    """Return the flows of that day and later; those that came to nothing are left out."""
    ordinal = first.toordinal()
    recent = {code: {day: n for day, n in days.items() if day >= ordinal and n} for code, days in flows.items()}
    return {code: days for code, days in recent.items() if days}


def by_day(flows: Flows) -> dict[tuple[date, str], Flow]:
    """Return the flows by day and kind; what comes to nothing is left out."""
    told: dict[tuple[date, str], Flow] = {}
    for code, days in flows.items():
        for day, people in days.items():
            _add(told.setdefault((date.fromordinal(day), flow_of(code)[0]), Flow()), code, people)
    return {key: flow for key, flow in told.items() if flow != Flow()}


def before(day: date, length: timedelta = DAY) -> date:
    """Return the day so long before; no earlier than the first of the calendar, and nothing happened on that."""
    return day - min(length, day - date.min)


def first_day(today: date) -> date:
    """Return the first day that any window ending today holds."""
    return before(today, max(WINDOWS.values()) - DAY)


def windowed(flows: Flows, today: date) -> dict[Window, dict[str, Count]]:
    """Return the flows of each window that ends today, every kind named; `7d` is today and the six days before."""
    return {window: summed(flows, before(today, length - DAY), today) for window, length in WINDOWS.items()}


def summed(flows: Flows, first: date, last: date) -> dict[str, Count]:
    """Return the flows of the days from first to last, every kind named."""
    sums, begin, end = {kind: Flow() for kind in FLOW_KINDS}, first.toordinal(), last.toordinal()
    for code, days in flows.items():
        _add(sums[flow_of(code)[0]], code, sum([people for day, people in days.items() if begin <= day <= end]))
    return {kind: Count(flow.people, flow.active) for kind, flow in sums.items()}


def _add(flow: Flow, code: str, people: int) -> None:
    """Take in people; those of a move within are none, what became of their activity is."""
    kind, change = flow_of(code)
    flow.people += 0 if kind == MOVED_WITHIN else people
    flow.active += people * change


def change_of(kinds: Mapping[str, Count]) -> Count:
    """Return by how much registered and active changed: who came less who went, and all that became active or not."""
    came = sum(kinds[kind].registered for kind in ("joined", "rejoined", MOVED_IN))
    went = sum(kinds[kind].registered for kind in ("ended", MOVED_OUT))
    return Count(came - went, sum(count.active for count in kinds.values()))
