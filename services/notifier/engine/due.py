"""What is due next: an agenda of instants, and when time alone changes something at a rule in a region."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import Final

from services.notifier.engine.decisions import HeldReason
from services.notifier.engine.instants import DAY_MS, to_ms
from services.notifier.engine.kinds import heard_at
from services.notifier.engine.rules import Escalation, Rule, Silent
from services.notifier.engine.states import Phase
from services.notifier.engine.world import Alert, Key, Region, RuleInForce, Watch, World

UNKNOWN_MS: Final = 7 * DAY_MS
"""How long x may be unknown before the alert is closed (alerts.md, "Closed")."""
_NEW: Final = Watch()


class Agenda:
    """Keys by the instant at which they are due; a key has one instant, the last that was put."""

    def __init__(self) -> None:
        self._due: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def put(self, key: Key, due: int | None) -> None:
        """Let the key be due then, or never."""
        if due is None:
            self._due.pop(key, None)
        elif self._due.get(key) != due:
            self._due[key] = due
            heappush(self._heap, (due, key))

    def next(self) -> int | None:
        """Return the earliest instant at which something is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: int) -> Iterator[Key]:
        """Take off and yield all keys that are due."""
        while (due := self.next()) is not None and due <= now:
            key = heappop(self._heap)[1]
            del self._due[key]
            yield key


def due_of(world: World, rule_id: str, region: str) -> int | None:
    """Return the first instant at which time changes something there; one that has passed is due at once."""
    watch, known = world.watches.get((rule_id, region), _NEW), world.regions.get(region)
    instants = [waiting.until for waiting in watch.waiting() if waiting.reason is HeldReason.QUIET_HOURS]
    rule = world.rules.get(rule_id)
    if rule is not None and known is not None and not known.snapshot.catching_up and rule.rule.covers(region):
        instants += _judged(rule, watch, known)
        if watch.alert is not None:
            instants += _told(rule.rule, watch.alert)
    return min((instant for instant in instants if instant is not None), default=None)


def _judged(rule: RuleInForce, watch: Watch, region: Region) -> Iterator[int]:
    """Yield when time alone can move the rule there."""
    if watch.unknown_since is not None:
        yield watch.unknown_since + UNKNOWN_MS
        return
    if watch.phase is Phase.PENDING:
        yield watch.since + rule.rule.hold_ms
    if watch.phase is Phase.RECOVERING:
        yield watch.since + rule.rule.clear_ms
    if isinstance(rule.rule.kind, Silent) and watch.phase in (Phase.OK, Phase.RECOVERING):
        heard = heard_at(region.snapshot, rule.rule.kind.source)
        if heard is not None:
            yield heard + rule.rule.kind.after_ms


def _told(rule: Rule, alert: Alert) -> Iterator[int]:
    """Yield when somebody is to hear of the alert."""
    for waiting in alert.waiting.values():
        if waiting.late:
            yield alert.raised_t
    if alert.acknowledged_by is None and not alert.quiet:
        dues = [escalation_due(rule, alert), *(repeat_due(rule, alert, official) for official in alert.told)]
        yield from (due for due in dues if due is not None)


def escalation_due(rule: Rule, alert: Alert) -> int | None:
    """Return when the next escalation step is due."""
    if alert.steps >= len(rule.escalate):
        return None
    return alert.raised_t if alert.at_once else alert.raised_t + rule.escalate[alert.steps].after_ms


def step_due(rule: Rule, raised_at: datetime, at: datetime | None) -> Escalation | None:
    """Return the step of escalation of an alert that is due at this instant; None where none is."""
    after_ms = None if at is None else to_ms(at) - to_ms(raised_at)
    return next((step for step in rule.escalate if step.after_ms == after_ms), None)


def repeat_due(rule: Rule, alert: Alert, official: str) -> int | None:
    """Return when the next repeat is due for an official who was told; None while one waits."""
    if rule.repeat_ms is None or official in alert.waiting:
        return None
    return alert.told[official].last + rule.repeat_ms
