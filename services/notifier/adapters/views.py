"""Rules, alerts and deliveries as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Transition
from services.notifier.domain.hysteresis import Phase, Reason
from services.notifier.domain.officials import Language, Role
from services.notifier.domain.rules import Direction, Measure, Rule, Severity
from shared.contracts.snapshots import Window
from shared.regions.codes import Level


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule in force. `direction` says on which side of its two levels the alert is raised and cleared."""

    id: str
    title: dict[Language, str]
    levels: list[Level]
    regions: list[str]
    measure: Measure
    direction: Direction
    raise_level: Decimal
    clear_level: Decimal
    next_milestone: Decimal | None
    hold_for: timedelta
    window: Window
    severity: Severity
    hears: list[Role]

    @classmethod
    def of(cls, rule: Rule) -> RuleView:
        """Return the view of a rule."""
        return cls(
            rule.id, dict(rule.title), sorted(rule.levels), sorted(rule.regions), rule.measure, rule.direction,
            rule.raise_level, rule.clear_level, rule.milestone, rule.hold_for, rule.window, rule.severity,
            list(rule.hears),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AlertView:
    """One crossing: the figure that crossed, and the alert's present state."""

    id: str
    rule: str
    title: dict[Language, str]
    severity: Severity
    region: str
    name: str
    level: Level
    measure: Measure
    numerator: int
    denominator: int
    state: AlertState
    episode: int
    raised_at: datetime
    cleared_at: datetime | None

    @classmethod
    def of(cls, alert: Alert) -> AlertView:
        """Return the view of an alert."""
        rule, snapshot, figure = alert.rule, alert.snapshot, alert.figure
        return cls(
            alert.id, rule.id, dict(rule.title), rule.severity, snapshot.region, snapshot.name, snapshot.level,
            rule.measure, figure.numerator, figure.denominator, alert.state, alert.episode, alert.raised_at,
            alert.cleared_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One transition of the rule's state in the region, and its reason."""

    at: datetime
    before: Phase
    after: Phase
    reason: Reason
    numerator: int
    denominator: int

    @classmethod
    def of(cls, transition: Transition) -> DecisionView:
        """Return the view of a transition."""
        return cls(
            transition.at, transition.before, transition.state.phase, transition.reason, transition.figure.numerator,
            transition.figure.denominator,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One official's message. `tries` counts failed attempts; `next_try_at` is null once it is sent or given up."""

    id: str
    alert: str
    official: str
    channel: str
    state: DeliveryState
    tries: int
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryView:
        """Return the view of a delivery."""
        waits = delivery.state is DeliveryState.WAITING
        return cls(
            delivery.id, delivery.alert, delivery.official, delivery.channel, delivery.state, delivery.tries,
            delivery.created_at, delivery.due_at if waits else None, delivery.sent_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery with the reason of the last failed attempt, which may quote an address."""

    delivery: DeliveryView
    reason: str | None


@dataclass(frozen=True, slots=True)
class AlertReport:
    """An alert with its history and its deliveries."""

    alert: AlertView
    decisions: Sequence[DecisionView]
    deliveries: Sequence[DeliveryView]


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, newest first."""

    items: Sequence[AlertView]
    next: str | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first."""

    items: Sequence[DeliveryReport]
    next: str | None


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules in force."""

    items: Sequence[RuleView]
    next: None = None
