"""Rules: which measure is watched where, at which levels an alert is raised and cleared, and who receives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from services.notifier.domain.figures import Figure
from services.notifier.domain.officials import Language, Role
from shared.contracts.snapshots import Window
from shared.regions.codes import Level, holds, level_of


class Measure(StrEnum):
    """What is counted."""

    REGISTERED = "registered"
    ACTIVE = "active"


class Direction(StrEnum):
    """Whether an alert is raised above or below its level."""

    ABOVE = "above"
    BELOW = "below"


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Side(StrEnum):
    """Position of a figure: where it raises, where it clears, or in the band between."""

    RAISE = "raise"
    BAND = "band"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Rule:
    """A threshold on one measure. The figure must stay past a level for `hold_for` to raise or clear the alert.

    Above: raised at ratio ≥ `raise_level`, cleared under `clear_level`, the lower one. Below: raised under
    `raise_level`, cleared at ratio ≥ `clear_level`, the higher one. Levels are exact.
    """

    id: str
    title: Mapping[Language, str]
    levels: frozenset[Level]
    regions: frozenset[str]
    measure: Measure
    direction: Direction
    raise_level: Decimal
    clear_level: Decimal
    hold_for: timedelta
    window: Window
    severity: Severity
    hears: tuple[Role, ...]
    milestone: Decimal | None = None

    def concerns(self, region: str) -> bool:
        """Say whether the region is watched: one of `levels` within `regions`; without levels, one of `regions`."""
        if not self.levels:
            return region in self.regions
        within = not self.regions or any(holds(whole, region) for whole in self.regions)
        return level_of(region) in self.levels and within

    def side(self, figure: Figure) -> Side:
        """Return the position of the figure."""
        if figure.reaches(self.raise_level) is (self.direction is Direction.ABOVE):
            return Side.RAISE
        if figure.reaches(self.clear_level) is (self.direction is Direction.BELOW):
            return Side.CLEAR
        return Side.BAND
