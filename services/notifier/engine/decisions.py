"""What the engine decides: moves, messages, what is held, vacancies. A line of the trace is one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from services.notifier.engine.directory import Role
from services.notifier.engine.ids import alert_id
from services.notifier.engine.states import MoveReason, Phase
from shared.contracts.snapshots import Snapshot


class Occasion(StrEnum):
    """Why an official hears of an alert."""

    RAISED = "raised"
    ESCALATED = "escalated"
    REPEATED = "repeated"
    RECOVERED = "recovered"


class HeldReason(StrEnum):
    """Which stage holds an occasion, or why it is dropped."""

    MUTED = "muted"
    SILENCED = "silenced"
    QUIET_HOURS = "quiet_hours"
    GROUPED = "grouped"
    ACKNOWLEDGED = "acknowledged"
    NEVER_TOLD = "never_told"


@dataclass(frozen=True, slots=True)
class AlertKey:
    """An episode of a rule in a region. `because_potential`: people did not move it, the potential did."""

    rule: str
    region: str
    episode: int
    because_potential: bool = False

    @property
    def id(self) -> str:
        """The alert's id."""
        return alert_id(self.rule, self.region, self.episode)


@dataclass(frozen=True, slots=True)
class Move:
    """A rule moved in a region. `episode`: None where no alert exists; `raised_by`: of a raise, the snapshot."""

    at: int
    t: int
    rule: str
    region: str
    episode: int | None
    before: Phase
    after: Phase
    reason: MoveReason
    because_potential: bool = False
    raised_by: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one official through one channel (`kind:address`), of one alert or of a digest's."""

    at: int
    official: str
    channel: str
    occasion: Occasion
    alerts: tuple[AlertKey, ...]
    id: str


@dataclass(frozen=True, slots=True)
class Held:
    """An occasion waits or is dropped."""

    at: int
    reason: HeldReason
    official: str
    occasion: Occasion
    alert: AlertKey


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Nobody holds the role, nor is there a deputy in office."""

    at: int
    rule: str
    region: str
    role: Role


Decision: TypeAlias = Move | Message | Held | Vacancy
