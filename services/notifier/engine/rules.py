"""Rules as alerts.md defines them. Lines are exact fractions, durations whole milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Literal, TypeAlias

from services.notifier.engine.directory import Role
from shared.contracts.snapshots import DesignationState, DueWindow, Window
from shared.regions.codes import NATION, Level, holds, level_of

Measure = Literal["registered", "active"]
Basis = Literal["workers", "vulnerable", "village_officials"]
Dimension = Literal["segment", "group", "payer", "programme"]
BoardCount = Literal["gap", "at_zero", "not_passing"]
Unit = Literal["people", "share"]
Language = Literal["id", "en"]


class Direction(StrEnum):
    """On which side of its lines a rule is raised."""

    ABOVE = "above"
    BELOW = "below"


class Severity(StrEnum):
    """How much it matters; `critical` is told in quiet hours too."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class FirstSight(StrEnum):
    """What to do where the first known x of a region is on the raise side already."""

    TELL = "tell"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Lines:
    """Above: raised at x ≥ `raised`, clear at x < `cleared`. Below: raised at x < `raised`, clear at x ≥ `cleared`."""

    direction: Direction
    raised: Fraction
    cleared: Fraction


@dataclass(frozen=True, slots=True)
class Slice:
    """People of one value of a dimension, such as payer `csr`."""

    dimension: Dimension
    value: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """Coverage of a basis."""

    lines: Lines
    measure: Measure
    basis: Basis


@dataclass(frozen=True, slots=True)
class People:
    """A number of people."""

    lines: Lines
    measure: Measure
    slice: Slice | None


@dataclass(frozen=True, slots=True)
class Share:
    """People of a slice ÷ everyone."""

    lines: Lines
    measure: Measure
    slice: Slice


@dataclass(frozen=True, slots=True)
class Fall:
    """People lost by the flows of a window ÷ potential workers."""

    lines: Lines
    measure: Measure
    window: Window


@dataclass(frozen=True, slots=True)
class Quota:
    """A number of the board of a group's quota."""

    lines: Lines
    group: str
    count: BoardCount


@dataclass(frozen=True, slots=True)
class Behind:
    """People short of the target path."""

    lines: Lines
    measure: Measure
    basis: Basis


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days by which the path's last point is reached too late at today's rate."""

    lines: Lines
    measure: Measure
    basis: Basis


@dataclass(frozen=True, slots=True)
class LapseAhead:
    """People who lapse within the window if nobody pays. `payers`: None for all."""

    lines: Lines
    window: DueWindow
    payers: tuple[str, ...] | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Designated:
    """A village's state of Desa Sadar is one of these."""

    states: frozenset[DesignationState]


@dataclass(frozen=True, slots=True)
class Silent:
    """A source has sent nothing for `after_ms`."""

    source: str
    after_ms: int


Kind: TypeAlias = Threshold | People | Share | Fall | Quota | Behind | Forecast | LapseAhead | Designated | Silent


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who hears if the alert still fires, unacknowledged, so long after its raise."""

    after_ms: int
    hears: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force. `repeat_ms`: None for never; `levels`: none for the regions alone."""

    id: str
    title: Mapping[Language, str]
    kind: Kind
    hears: tuple[Role, ...]
    levels: frozenset[Level] = frozenset()
    regions: frozenset[str] = frozenset({NATION})
    hold_ms: int = 0
    clear_ms: int = 0
    first_sight: FirstSight = FirstSight.TELL
    severity: Severity = Severity.WARNING
    escalate: tuple[Escalation, ...] = ()
    group_wait_ms: int = 30_000
    repeat_ms: int | None = None
    tell_recovery: bool = True
    muted_by_above: bool = False
    muted_by: tuple[str, ...] = ()

    def covers(self, region: str) -> bool:
        """Say whether the region is in the rule's scope."""
        if not self.levels:
            return region in self.regions
        return level_of(region) in self.levels and any(holds(whole, region) for whole in self.regions)
