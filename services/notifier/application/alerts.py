"""What is kept of a crossing: the alert, the moves that led to it, the deliveries that tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import RAISED, Phase, Reason, State
from services.notifier.domain.ids import alert_id
from services.notifier.domain.rules import Measure, Rule
from shared.contracts.snapshots import Snapshot


class AlertState(StrEnum):
    """How an alert stands now."""

    FIRING = "firing"
    RECOVERING = "recovering"
    CLEARED = "cleared"


class DeliveryState(StrEnum):
    """How a delivery stands: to be tried (again), taken by the receiver, or given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Transition:
    """One move of a rule's state in a region, at the figure that made it."""

    rule: str
    region: str
    before: Phase
    state: State
    reason: Reason
    at: datetime
    figure: Figure

    @property
    def episode(self) -> int:
        """The episode that the move belongs to; where no alert stands, the one it would begin."""
        return self.state.episode if self._is_of_alert else self.state.episode + 1

    @property
    def alert_state(self) -> AlertState | None:
        """How the alert stands after this move; None where none does or did."""
        if not self._is_of_alert:
            return None
        return AlertState.CLEARED if self.state.phase is Phase.OK else AlertState(self.state.phase.value)

    @property
    def _is_of_alert(self) -> bool:
        return self.before in RAISED or self.state.phase in RAISED


@dataclass(frozen=True, slots=True)
class Alert:
    """One crossing, with the rule and the region's snapshot as they were at it."""

    rule: Rule
    snapshot: Snapshot
    episode: int
    raised_at: datetime
    state: AlertState = AlertState.FIRING
    cleared_at: datetime | None = None

    @property
    def id(self) -> str:
        """The alert's id, the same whenever this crossing is found again."""
        return alert_id(self.rule.id, self.snapshot.region, self.episode)

    @property
    def figure(self) -> Figure:
        """The figure that crossed. A snapshot without one never makes an alert."""
        figure = figure_of(self.snapshot, self.rule.measure)
        assert figure is not None
        return figure


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was first written; a repeat is the same to the last byte.

    `date` is when it was written, as mail headers have it, in the reader's own zone.
    """

    recipient: str
    subject: str
    text: str
    html: str
    date: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One official's message through one channel.

    `claims` grows each time a worker takes it up: what a worker writes under an older number is refused. `tries` are
    those that failed. `due_at` is the next try, or while a worker has it the time at which others may take over.
    """

    id: str
    alert: str
    official: str
    channel: str
    created_at: datetime
    due_at: datetime
    traceparent: str
    state: DeliveryState = DeliveryState.WAITING
    claims: int = 0
    tries: int = 0
    message: Message | None = None
    sent_at: datetime | None = None
    reason: str | None = None


def figure_of(snapshot: Snapshot, measure: Measure) -> Figure | None:
    """Return the measure's figure, or None where there is no denominator."""
    coverage = snapshot.coverage
    ratio = coverage.active if measure is Measure.ACTIVE else coverage.registered
    return Figure(ratio.numerator, ratio.denominator) if ratio and ratio.denominator > 0 else None
