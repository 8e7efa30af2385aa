"""Applies rules to snapshots and collects what the transaction must write. Pure, apart from the clock and trace ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from services.notifier.application.alerts import Alert, Delivery, Transition, figure_of
from services.notifier.application.ports import Findings, StateKey
from services.notifier.domain.hysteresis import Observation, Reason, RuleState, decide
from services.notifier.domain.ids import delivery_id
from services.notifier.domain.officials import Official, recipients
from services.notifier.domain.rules import Rule
from shared.contracts.snapshots import Snapshot
from shared.runtime import tracing
from shared.runtime.clock import Clock


class Judge:
    """Judges the snapshots of one transaction, from the stored states. Each run of a transaction has a new one."""

    def __init__(
        self,
        officials: Collection[Official],
        channels: Collection[str],
        clock: Clock,
        states: Mapping[StateKey, RuleState],
    ) -> None:
        self._officials = officials
        self._channels = channels
        self._clock = clock
        self._states = dict(states)
        self.findings = Findings()
        self.decisions: list[tuple[str, Reason]] = []

    def judge(self, snapshot: Snapshot, rules: Iterable[Rule], at: datetime) -> None:
        """Decide each rule that watches the region, as of `at`."""
        for rule in rules:
            if rule.concerns(snapshot.region):
                self._apply(rule, snapshot, at)

    def _apply(self, rule: Rule, snapshot: Snapshot, at: datetime) -> None:
        key = (rule.id, snapshot.region)
        before = self._states.get(key, RuleState())
        observation = Observation(figure_of(snapshot, rule.measure), snapshot.catching_up)
        decision = decide(rule, before, observation, at)
        self.decisions.append((rule.id, decision.reason))
        if decision.state.version > before.version and observation.figure is not None:
            self._states[key] = decision.state
            self.findings.transitions.append(
                Transition(*key, before.phase, decision.state, decision.reason, at, observation.figure)
            )
            if decision.reason is Reason.RAISED:
                self._raise(Alert(rule, snapshot, decision.state.episode, at))

    def _raise(self, alert: Alert) -> None:
        """Add the alert, and a delivery for each recipient through each channel."""
        self.findings.alerts.append(alert)
        now = self._clock.now()
        with tracing.span("raise") as traceparent:
            for official in recipients(self._officials, alert.rule.hears, alert.snapshot.region):
                for channel in self._channels:
                    id_ = delivery_id(alert.id, official.id, channel)
                    delivery = Delivery(id_, alert.id, official.id, channel, now, now, traceparent)
                    self.findings.deliveries.append(delivery)
