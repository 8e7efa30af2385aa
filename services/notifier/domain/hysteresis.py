"""When a rule is raised and cleared in a region: a level for each, a band between them, and a hold time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.notifier.domain.figures import Figure
from services.notifier.domain.rules import Rule, Side


class Phase(StrEnum):
    """ok → pending → firing → recovering → ok."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class Reason(StrEnum):
    """Why a decision was made, for the log, metrics and tests."""

    CATCHING_UP = "catching_up"
    NO_DENOMINATOR = "no_denominator"
    UNCHANGED = "unchanged"
    IN_BAND = "in_band"
    HOLD_STARTED = "hold_started"
    HOLDING = "holding"
    HOLD_BROKEN = "hold_broken"
    RAISED = "raised"
    CLEARED = "cleared"


RAISED: Final = frozenset({Phase.FIRING, Phase.RECOVERING})
"""Phases in which there is an alert."""
WAITING: Final = frozenset({Phase.PENDING, Phase.RECOVERING})
"""Phases in which a hold time is running."""


@dataclass(frozen=True, slots=True)
class RuleState:
    """State of a rule in a region: phase, since when, and number of the present or last episode of firing.

    `version` grows with every transition; the store refuses a transition from an old version.
    """

    phase: Phase = Phase.OK
    since: datetime | None = None
    episode: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """A region's figure (None without a denominator), and whether coverage is still behind the topic."""

    figure: Figure | None
    catching_up: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The state from now on, which may be the old one, and the reason."""

    state: RuleState
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Course:
    """From a phase of rest, through waiting, to a goal, while the figure is on one side of the band."""

    rest: Phase
    side: Side
    waiting: Phase
    goal: Phase
    arrived: Reason


_UP: Final = _Course(Phase.OK, Side.RAISE, Phase.PENDING, Phase.FIRING, Reason.RAISED)
_DOWN: Final = _Course(Phase.FIRING, Side.CLEAR, Phase.RECOVERING, Phase.OK, Reason.CLEARED)


def decide(rule: Rule, state: RuleState, observation: Observation, now: datetime) -> Decision:
    """Return the rule's state after this observation. Pure."""
    if observation.catching_up:
        return Decision(state, Reason.CATCHING_UP)
    if observation.figure is None:
        return Decision(state, Reason.NO_DENOMINATOR)
    course = _DOWN if state.phase in RAISED else _UP
    side = rule.side(observation.figure)
    return _forward(course, rule, state, now) if side is course.side else _back(course, state, side, now)


def _forward(course: _Course, rule: Rule, state: RuleState, now: datetime) -> Decision:
    """Wait, or reach the goal once the figure has been on this side for the whole hold time."""
    waits = state.phase is course.waiting
    since = state.since if waits and state.since else now
    if now - since >= rule.hold_for:
        return _move(state, course.goal, course.arrived, now)
    return Decision(state, Reason.HOLDING) if waits else _move(state, course.waiting, Reason.HOLD_STARTED, now)


def _back(course: _Course, state: RuleState, side: Side, now: datetime) -> Decision:
    """Stop waiting; a state at rest stays."""
    if state.phase is course.waiting:
        return _move(state, course.rest, Reason.HOLD_BROKEN, now)
    return Decision(state, Reason.IN_BAND if side is Side.BAND else Reason.UNCHANGED)


def _move(state: RuleState, phase: Phase, reason: Reason, now: datetime) -> Decision:
    episode = state.episode + (reason is Reason.RAISED)
    return Decision(replace(state, phase=phase, since=now, episode=episode, version=state.version + 1), reason)
