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
DesignationState = Literal["none", "eligible", "designated", "designated_broken"]


@dataclass(frozen=True, slots=True)
class Count:
    """People registered, and of them active."""

    registered: int = 0
    active: int = 0


@dataclass(frozen=True, slots=True)
class Potential:
    """The denominator in force: people, who says so, since when, and which restatement it is (1 is the first).

    `summed`: the region has no figure of its own, and this is the sum of all its children's, and `version` of theirs.
    """

    value: int
    source: str
    valid_from: date
    version: int
    definition: str = ""
    summed: bool = False


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
class TargetPoint:
    """A point of a target path: the ratio, how many people it takes, and how many of them are short today."""

    on: date
    ratio: float
    people: int | None
    people_short: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where the region stands on a target path today; met or not is decided on numbers of people.

    `required` is null before the path's first point; people are null where no potential is known. `people_ahead` is
    the numerator less the people required: below 0 it is behind. `next` is the first point still to come.
    """

    basis: str
    measure: str
    required: float | None
    people_required: int | None
    people_short: int | None
    people_ahead: int | None
    next: TargetPoint | None
    last: TargetPoint
    source: str
    valid_from: date
    version: int


@dataclass(frozen=True, slots=True)
class Projection:
    """At the rate of the last `days`, in which so many were gained; null: not at this rate."""

    days: int
    gained: int
    reached_on: date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a path's last point is reached: at the rate of 90 days, and a range from 30 and 180, where that long is
    known. `needed_a_month` people in 30 days would still meet it on `due_on`; null once that is past.
    """

    basis: str
    measure: str
    ratio: float
    due_on: date
    people_short: int
    needed_a_month: int | None
    at_rate: Projection | None
    range: tuple[Projection, ...]


@dataclass(frozen=True, slots=True)
class QuotaBoard:
    """How the villages here and below stand against their quota of a group; never a mean.

    `gap` is the sum of what each lacks, `people_below` are those counted in villages that do not pass. `measure` and
    `required` are null where they are not the same for all.
    """

    group: str
    measure: str | None
    required: int | None
    villages: int
    passing: int
    at_zero: int
    gap: int
    people_below: int


@dataclass(frozen=True, slots=True)
class DesignationPace:
    """The year's designations against its quota; `expected` is quota × day of year ÷ days in year, rounded up."""

    year: int
    designated: int
    quota: int
    expected: int
    villages_short: int
    designated_in_all: int
    quota_in_all: int


@dataclass(frozen=True, slots=True)
class Designation:
    """Desa Sadar. Of a village: its state, the day of its designation, its roster and its active officials. Above:
    villages by state; of the nation also the year's pace. What is not known is null.
    """

    state: DesignationState | None = None
    designated_on: date | None = None
    roster: int | None = None
    active_officials: int | None = None
    villages: dict[DesignationState, int] | None = None
    pace: DesignationPace | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One region as counted now.

    `position` orders the snapshots of a region: a lower one is older. `recorded_at` is the newest change counted;
    `flows` gives by window and kind the people it happened to (as `registered`; never negative for `ended`) and the
    change in active that it made; `fed_at` the newest fact per source; `catching_up` is true while the reader is
    behind the topic, when no one should be alerted.

    `by_…` leave out what nobody counts under; groups and programmes overlap and are never summed. `due` gives by days
    ahead and payer the active people who lapse by then if nobody pays.
    `target` and `forecast` have one entry a basis and measure that has a path, `quota` one a group.
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
    target: tuple[Target, ...] = ()
    forecast: tuple[Forecast, ...] = ()
    quota: tuple[QuotaBoard, ...] = ()
    designation: Designation | None = None
