"""ok → pending → firing → recovering → ok: the move that one judgement makes."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from services.notifier.engine.kinds import Side


class Phase(StrEnum):
    """Where a rule stands in a region; its alert fires in `firing` and in `recovering`."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class MoveReason(StrEnum):
    """Why a rule moved in a region."""

    HOLD_STARTED = "hold_started"
    RAISED = "raised"
    HOLD_BROKEN = "hold_broken"
    CLEAR_STARTED = "clear_started"
    RECOVERED = "recovered"
    CLEAR_BROKEN = "clear_broken"
    RULE_REMOVED = "rule_removed"
    OUT_OF_SCOPE = "out_of_scope"
    UNKNOWN = "unknown"


class Step(NamedTuple):
    """The phase after a judgement, since when x has stood on the side that counts, and why."""

    phase: Phase
    since: int
    reason: MoveReason


def step(phase: Phase, since: int, side: Side, t: int, hold_ms: int, clear_ms: int) -> Step | None:
    """Return the one move of a judgement at `t` of a known x; None where nothing moves."""
    if phase in (Phase.OK, Phase.PENDING):
        return _towards_firing(phase, since, side, t, hold_ms)
    return _towards_ok(phase, since, side, t, clear_ms)


def _towards_firing(phase: Phase, since: int, side: Side, t: int, hold_ms: int) -> Step | None:
    waits = phase is Phase.PENDING
    if side is not Side.RAISE:
        return Step(Phase.OK, t, MoveReason.HOLD_BROKEN) if waits else None
    since = since if waits else t
    if t - since >= hold_ms:
        return Step(Phase.FIRING, since, MoveReason.RAISED)
    return None if waits else Step(Phase.PENDING, since, MoveReason.HOLD_STARTED)


def _towards_ok(phase: Phase, since: int, side: Side, t: int, clear_ms: int) -> Step | None:
    waits = phase is Phase.RECOVERING
    if side is not Side.CLEAR:
        return Step(Phase.FIRING, t, MoveReason.CLEAR_BROKEN) if waits else None
    since = since if waits else t
    if t - since >= clear_ms:
        return Step(Phase.OK, since, MoveReason.RECOVERED)
    return None if waits else Step(Phase.RECOVERING, since, MoveReason.CLEAR_STARTED)
