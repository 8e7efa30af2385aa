"""The records of a crossing: the alert, the transitions that led to it, its deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import RAISED, Phase, Reason, RuleState
from services.notifier.domain.ids import alert_id
from services.notifier.domain.rules import Measure, Rule
from shared.contracts.snapshots import Snapshot


class AlertState(StrEnum):
    """Present state of an alert."""

    FIRING = "firing"
    RECOVERING = "recovering"
    CLEARED = "cleared"


class DeliveryState(StrEnum):
    """State of a delivery: waiting for an attempt, accepted by the receiver, or given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a rule's state in a region, with the figure that caused it."""

    rule: str
    region: str
    before: Phase
    state: RuleState
    reason: Reason
    at: datetime
    figure: Figure

    @property
    def episode(self) -> int:
        """The episode of the transition; without an alert, the episode that would begin next."""
        return self.state.episode if self._is_of_alert else self.state.episode + 1

    @property
    def alert_state(self) -> AlertState | None:
        """State of the alert after this transition; None if there is no alert before or after."""
        if not self._is_of_alert:
            return None
        return AlertState.CLEARED if self.state.phase is Phase.OK else AlertState(self.state.phase.value)

    @property
    def _is_of_alert(self) -> bool:
        return self.before in RAISED or self.state.phase in RAISED


@dataclass(frozen=True, slots=True)
class Alert:
    """One crossing, with the rule and the region's snapshot at that time."""

    rule: Rule
    snapshot: Snapshot
    episode: int
    raised_at: datetime
    state: AlertState = AlertState.FIRING
    cleared_at: datetime | None = None

    @property
    def id(self) -> str:
        """The alert's id; the same crossing always has the same id."""
        return alert_id(self.rule.id, self.snapshot.region, self.episode)

    @property
    def figure(self) -> Figure:
        """The figure that crossed the level; a snapshot without one never makes an alert."""
        figure = figure_of(self.snapshot, self.rule.measure)
        assert figure is not None
        return figure


@dataclass(frozen=True, slots=True)
class Message:
    """A message as first written; every repeat has the same bytes.

    `date` is the time of writing in the format of mail headers, in the recipient's time zone.
    """

    recipient: str
    subject: str
    text: str
    html: str
    date: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One official's message through one channel.

    `claims` grows with every claim by a worker; the store refuses writes under an older number. `tries` counts failed
    attempts. `due_at` is the time of the next attempt; while a worker has a claim, others may take over at that time.
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
    """Return the measure's figure, or None without a denominator."""
    coverage = snapshot.coverage
    ratio = coverage.active if measure is Measure.ACTIVE else coverage.registered
    return Figure(ratio.numerator, ratio.denominator) if ratio and ratio.denominator > 0 else None
