"""Valid snapshots for the notifier's tests; a test states only what matters to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.contracts.snapshots import Count, Coverage, Potential, Ratio, Snapshot, Window
from shared.regions.catalogue import catalogue
from shared.regions.codes import level_of, parent_of, zone_name

NOW = datetime(2026, 11, 21, 7, 34, 57, tzinfo=UTC)
POTENTIAL = 17_109


def snapshot(active: int, position: int = 1, at: datetime | None = None, **over: Any) -> Snapshot:
    """Return Aceh at one to a hundred with so many registered and active, counted at `at` or as many seconds after
    NOW as the position says.
    """
    region = over.get("region", "11")
    potential = over.pop("potential_workers", POTENTIAL)
    as_of = at or NOW + timedelta(seconds=position)
    ratio = None if potential is None else Ratio(active, potential, round(active / potential, 4) if potential else None)
    values: dict[str, Any] = {
        "region": region,
        "name": catalogue().name(region),
        "level": level_of(region),
        "time_zone": zone_name(region),
        "parent": parent_of(region),
        "registered": active,
        "active": active,
        "unplaced": Count(),
        "potential": {}
        if potential is None
        else {"workers": Potential(potential, "BPS Sakernas", date(2023, 9, 1), 1)},
        "coverage": Coverage(ratio, ratio),
        "flows": flows(),
        "as_of": as_of,
        "recorded_at": as_of - timedelta(milliseconds=80),
        "position": position,
    }
    return Snapshot(**values | over)


def child(region: str, active: int, joined: int = 0, **over: Any) -> Snapshot:
    """Return a region with so many active, `joined` of whom came within the week; it has no potential."""
    return snapshot(active, region=region, potential_workers=None, flows=flows(joined=Count(joined, joined)), **over)


def flows(**kinds: Count) -> dict[Window, dict[str, Count]]:
    """Return flows, the same in every window."""
    return {"7d": kinds, "30d": kinds, "90d": kinds}


def aceh_at_40() -> tuple[Snapshot, list[Snapshot]]:
    """Return the sample's crossing: Aceh at 6,844 of 17,109, 327 of whom joined, and the regencies that moved it."""
    moved = {"11.06": 120, "11.71": 90, "11.07": 70, "11.08": 30, "11.14": 12, "11.73": 5}
    children = [child(region, 500 + joined, joined) for region, joined in moved.items()]
    children += [child("11.01", 6_844 - sum(each.active for each in children))]
    kinds = {"lapsed": Count(2, -2), "joined": Count(329, 329), "ended": Count()}
    return snapshot(6_844, position=6_844, at=NOW, flows=flows(**kinds)), children
