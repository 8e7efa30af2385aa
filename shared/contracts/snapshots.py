"""coverage.updated.v1: what coverage counted in one region, keyed by region code, compacted.

A figure is always two whole numbers; the ratio beside them is derived, never capped, null without a denominator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Level = Literal["nation", "province", "regency", "district", "village"]
Window = Literal["7d", "30d", "90d"]
DueWindow = Literal["30d", "60d", "90d"]


@dataclass(frozen=True, slots=True)
class Count:
    """People registered, and of them active."""

    registered: int = 0
    active: int = 0


@dataclass(frozen=True, slots=True)
class Potential:
    """The denominator in force: people, who says so, since when, and which restatement it is (1 is the first)."""

    value: int
    source: str
    valid_from: date
    version: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """numerator ÷ denominator; `ratio` is rounded half-even to four decimals, null where the denominator is 0."""

    numerator: int
    denominator: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of the basis `workers`, by each measure; null where no potential is known."""

    registered: Ratio | None = None
    active: Ratio | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One region as counted now.

    `position` orders the snapshots of a region: a lower one is older. `recorded_at` is the newest change counted;
    `flows` gives by window and kind the people it happened to (as `registered`; never negative for `ended`) and the
    change in active that it made; `fed_at` the newest fact per source; `catching_up` is true while the reader is
    behind the topic, when no one should be alerted.

    `by_…` leave out what nobody counts under; groups and programmes overlap and are never summed. `due` gives by days
    ahead and payer the active people who lapse by then if nobody pays.
    """

    region: str
    name: str
    level: Level
    time_zone: str
    parent: str | None
    registered: int
    active: int
    unplaced: Count
    potential: dict[str, Potential]
    coverage: Coverage
    flows: dict[Window, dict[str, Count]]
    as_of: datetime
    recorded_at: datetime | None
    position: int
    fed_at: dict[str, datetime] = field(default_factory=dict)
    catching_up: bool = False
    by_segment: dict[str, Count] = field(default_factory=dict)
    by_group: dict[str, Count] = field(default_factory=dict)
    by_payer: dict[str, Count] = field(default_factory=dict)
    by_programme: dict[str, Count] = field(default_factory=dict)
    due: dict[DueWindow, dict[str, int]] = field(default_factory=dict)
