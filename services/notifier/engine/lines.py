"""A decision as a line of the trace, which is also what a store keeps of it."""

from __future__ import annotations

from typing import Any

from services.notifier.engine.decisions import AlertKey, Decision, Held, Message, Move, Vacancy
from services.notifier.engine.instants import to_text


def line_of(decision: Decision) -> dict[str, Any]:
    """Return the line of the trace."""
    at = to_text(decision.at)
    match decision:
        case Move():
            moved = {
                "at": at, "t": to_text(decision.t), "what": "move", "rule": decision.rule, "region": decision.region,
                "episode": decision.episode, "from": decision.before, "to": decision.after, "reason": decision.reason,
            }  # fmt: skip
            return moved | _because(decision.because_potential)
        case Message():
            return {
                "at": at, "what": "message", "official": decision.official, "channel": decision.channel,
                "occasion": decision.occasion, "alerts": [_alert(alert) for alert in decision.alerts],
                "id": decision.id,
            }  # fmt: skip
        case Held():
            held = {"at": at, "what": "held", "reason": decision.reason, "official": decision.official}
            return held | {"occasion": decision.occasion} | _alert(decision.alert)
        case Vacancy():
            return {
                "at": at, "what": "vacancy", "rule": decision.rule, "region": decision.region, "role": decision.role,
            }  # fmt: skip


def _alert(alert: AlertKey) -> dict[str, Any]:
    named = {"rule": alert.rule, "region": alert.region, "episode": alert.episode}
    return named | _because(alert.because_potential)


def _because(potential: bool) -> dict[str, str]:
    return {"because": "potential"} if potential else {}
