"""A region as its reader may see it: its snapshot, or for the public the same with None for what is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from shared.contracts.snapshots import (
    Count,
    Designation,
    DueWindow,
    Potential,
    Projection,
    Ratio,
    Snapshot,
    Target,
    Window,
)
from shared.regions.codes import Level


@dataclass(frozen=True, slots=True)
class PublicCount:
    """People; None if they are few or would reveal a few."""

    registered: int | None
    active: int | None


@dataclass(frozen=True, slots=True)
class PublicRatio:
    """A ratio, hidden with its numerator."""

    numerator: int | None
    denominator: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class PublicCoverage:
    """Coverage by each measure; None if no potential is known."""

    registered: PublicRatio | None
    active: PublicRatio | None


@dataclass(frozen=True, slots=True)
class PublicForecast:
    """A forecast, hidden if it would reveal few people now or then."""

    basis: str
    measure: str
    ratio: float
    due_on: date
    people_short: int | None
    needed_a_month: int | None
    at_rate: Projection | None
    range: tuple[Projection, ...] | None


@dataclass(frozen=True, slots=True)
class PublicBoard:
    """How the villages stand against their quota of a group."""

    group: str
    measure: str | None
    required: int | None
    villages: int
    passing: int
    at_zero: int
    gap: int | None
    people_below: int | None


@dataclass(frozen=True, slots=True)
class PublicQuota:
    """Whether a village meets its quota of a group; None if that would reveal a hidden number."""

    group: str
    measure: str | None
    required: int | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """A district or village as of a month end. `designated` is None for a district."""

    region: str
    name: str
    level: Level
    time_zone: str
    parent: str | None
    as_of: datetime
    registered: int | None
    active: int | None
    unplaced: PublicCount
    coverage: PublicCoverage
    quota: tuple[PublicQuota, ...]
    designated: bool | None
    suppressed: list[str]


@dataclass(frozen=True, slots=True)
class PublicRegion:
    """Nation, province or regency. Slices and windows of flows are hidden whole; flows are shown at month ends."""

    region: str
    name: str
    level: Level
    time_zone: str
    parent: str | None
    registered: int | None
    active: int | None
    unplaced: PublicCount
    potential: dict[str, Potential]
    coverage: PublicCoverage
    flows: dict[Window, dict[str, Count] | None]
    as_of: datetime
    recorded_at: datetime | None
    position: int | None
    fed_at: dict[str, datetime]
    catching_up: bool
    by_segment: dict[str, Count] | None
    by_group: dict[str, Count] | None
    by_payer: dict[str, Count] | None
    by_programme: dict[str, Count] | None
    due: dict[DueWindow, dict[str, int]] | None
    target: tuple[Target, ...]
    forecast: tuple[PublicForecast, ...]
    quota: tuple[PublicBoard, ...]
    designation: Designation | None
    suppressed: list[str]


Shown = Snapshot | PublicRegion | PublicPlace


def ratio_in(coverage: Ratio | PublicRatio | None) -> float | None:
    """Return the ratio of a coverage; None if it is hidden, or no potential is known."""
    return None if coverage is None else coverage.ratio
