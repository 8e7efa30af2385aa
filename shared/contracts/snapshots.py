"""coverage.updated.v1: the counts of one region. The key is the region code; the topic is compacted.

Every figure has two whole numbers. The ratio is derived from them: never capped, null without a denominator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from shared.regions.codes import Level

Window = Literal["7d", "30d", "90d"]
DueWindow = Literal["30d", "60d", "90d"]
DesignationState = Literal["none", "eligible", "designated", "designated_broken"]


@dataclass(frozen=True, slots=True)
class Count:
    """People registered, and how many of them are active."""

    registered: int = 0
    active: int = 0


@dataclass(frozen=True, slots=True)
class Potential:
    """The denominator in force: number of people, source, first day, and version (1 is the first).

    `summed`: the region has no figure of its own; `value` and `version` are the sums over all its children.
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
    """Coverage of the basis `workers` for each measure; null where no potential is known."""

    registered: Ratio | None = None
    active: Ratio | None = None


@dataclass(frozen=True, slots=True)
class TargetPoint:
    """A point of a target path: the ratio, the people it requires, and how many of them are missing today."""

    on: date
    ratio: float
    people: int | None
    people_short: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """The region's position on a target path today. Numbers of people decide whether the target is met.

    `required` is null before the path's first point; people are null where no potential is known. `people_ahead` is
    the numerator minus the people required, negative when behind. `next` is the next point of the path.
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
    """Forecast at the rate of the last `days`; `reached_on` is null if this rate never reaches the point."""

    days: int
    gained: int
    reached_on: date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the path's last point is reached: at the rate of the last 90 days, and `range` at those of 30 and 180 days,
    as far as history goes. `needed_a_month` is how many people in 30 days still meet it on `due_on`; null after it.
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
    """How many villages of the region meet their quota of a group; never a mean.

    `gap` is the sum of the people missing in each village. `people_below` counts people in villages that do not pass.
    `measure` and `required` are null where the villages have different ones.
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
    """The year's designations and its quota. `expected` is quota × day of year ÷ days in year, rounded up."""

    year: int
    designated: int
    quota: int
    expected: int
    villages_short: int
    designated_in_all: int
    quota_in_all: int


@dataclass(frozen=True, slots=True)
class Designation:
    """Desa Sadar. For a village: state, day of designation, roster and active officials. For a larger region: villages
    by state. For the nation also the year's pace. Unknown values are null.
    """

    state: DesignationState | None = None
    designated_on: date | None = None
    roster: int | None = None
    active_officials: int | None = None
    villages: dict[DesignationState, int] | None = None
    pace: DesignationPace | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counts of one region now.

    `position` orders the snapshots of a region: a lower one is older. `recorded_at` is when the newest counted change
    was recorded. `flows` gives, by window and kind, how many people it happened to (`registered`, never negative) and
    the change in active people. `fed_at` is the time of the newest fact per source. `catching_up` is true while
    coverage is behind the topic; no one should be alerted then.

    The `by_…` maps leave out keys without people; groups and programmes overlap and are never summed. `due` gives, by
    days ahead and payer, the active people who lapse by then if nobody pays.
    `target` and `forecast` have an entry for each basis and measure that has a path, `quota` for each group.
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
