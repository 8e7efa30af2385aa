"""When a rule is raised in a region and when cleared: two levels, a band between, and a time to hold at either."""

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
    """Why a decision is what it is: in the log, as a metric's label, in tests."""

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
"""Phases in which an alert stands."""
WAITING: Final = frozenset({Phase.PENDING, Phase.RECOVERING})
"""Phases that time alone can end."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a rule stands in a region: the phase, since when, which episode of firing is or was the last.

    `version` grows with every move; a move made from an old version is refused by the store.
    """

    phase: Phase = Phase.OK
    since: datetime | None = None
    episode: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of a region: its figure, None without a denominator; whether old changes are still to come."""

    figure: Figure | None
    catching_up: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The state from now on and why; where nothing moved it is the state there was."""

    state: State
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Way:
    """From a phase of rest, through waiting, to a goal, while figures stand on one side."""

    rest: Phase
    side: Side
    waiting: Phase
    goal: Phase
    arrived: Reason


_UP: Final = _Way(Phase.OK, Side.RAISE, Phase.PENDING, Phase.FIRING, Reason.RAISED)
_DOWN: Final = _Way(Phase.FIRING, Side.CLEAR, Phase.RECOVERING, Phase.OK, Reason.CLEARED)


def decide(rule: Rule, state: State, observation: Observation, now: datetime) -> Decision:
    """Return where the rule stands after this observation; the same call always gives the same answer."""
    if observation.catching_up:
        return Decision(state, Reason.CATCHING_UP)
    if observation.figure is None:
        return Decision(state, Reason.NO_DENOMINATOR)
    way = _DOWN if state.phase in RAISED else _UP
    side = rule.side(observation.figure)
    return _forward(way, rule, state, now) if side is way.side else _back(way, state, side, now)


def _forward(way: _Way, rule: Rule, state: State, now: datetime) -> Decision:
    """Wait, or arrive once the figures have stood on the side for the whole hold time."""
    waits = state.phase is way.waiting
    since = state.since if waits and state.since else now
    if now - since >= rule.hold_for:
        return _move(state, way.goal, way.arrived, now)
    return Decision(state, Reason.HOLDING) if waits else _move(state, way.waiting, Reason.HOLD_STARTED, now)


def _back(way: _Way, state: State, side: Side, now: datetime) -> Decision:
    """Give up waiting; at rest nothing moves."""
    if state.phase is way.waiting:
        return _move(state, way.rest, Reason.HOLD_BROKEN, now)
    return Decision(state, Reason.IN_BAND if side is Side.BAND else Reason.UNCHANGED)


def _move(state: State, phase: Phase, reason: Reason, now: datetime) -> Decision:
    episode = state.episode + (reason is Reason.RAISED)
    return Decision(replace(state, phase=phase, since=now, episode=episode, version=state.version + 1), reason)
