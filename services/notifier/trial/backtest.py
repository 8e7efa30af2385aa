"""`rules backtest`: what rules would have told whom, counted from the engine's decisions on history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import chain
from statistics import median
from typing import Final

from services.notifier.engine.decisions import Decision, Message, Move
from services.notifier.engine.directory import Official
from services.notifier.engine.events import Event, Tick
from services.notifier.engine.instants import DAY_MS, to_ms
from services.notifier.engine.rules import LapseAhead, Rule, Silent
from services.notifier.engine.states import MoveReason, Phase
from services.notifier.trial.trace import trace
from shared.regions.codes import WIB

_WEEK_MS: Final = 7 * DAY_MS
_PRESENT_ONLY: Final = (LapseAhead, Silent)
"""Kinds that look at `due` and `fed_at`, which coverage knows of the present only."""


@dataclass(slots=True)
class RuleResult:
    """What a rule would have done. `lasted_ms`: of alerts that ended; `weeks`: alerts raised in each week."""

    rule: str
    judged: bool
    raised: int = 0
    regions: set[str] = field(default_factory=set)
    lasted_ms: list[int] = field(default_factory=list)
    firing: int = 0
    messages: int = 0
    heard: set[str] = field(default_factory=set)
    weeks: Counter[int] = field(default_factory=Counter)

    @property
    def median_days(self) -> float | None:
        """How long an alert lasted, in the middle; None if none has ended."""
        return median(self.lasted_ms) / DAY_MS if self.lasted_ms else None


@dataclass(slots=True)
class OfficialResult:
    """What an official would have received: messages, of all rules, in each week."""

    official: str
    weeks: Counter[int] = field(default_factory=Counter)

    @property
    def messages(self) -> int:
        """All messages."""
        return self.weeks.total()

    @property
    def most(self) -> int:
        """Messages in the busiest week."""
        return max(self.weeks.values(), default=0)


@dataclass(slots=True)
class Backtest:
    """Counts over whole weeks from `start_ms`; the last may be cut."""

    start_ms: int
    weeks: int
    rules: Mapping[str, RuleResult]
    officials: Mapping[str, OfficialResult]

    @classmethod
    def begin(cls, rules: Sequence[Rule], officials: Sequence[Official], start_ms: int, end_ms: int) -> Backtest:
        """Return a backtest in which nothing has been decided."""
        judged = {
            rule.id: RuleResult(rule.id, not isinstance(rule.kind, _PRESENT_ONLY))
            for rule in sorted(rules, key=lambda rule: rule.id)
        }
        heard = {id_: OfficialResult(id_) for id_ in sorted(official.id for official in officials)}
        return cls(start_ms, max(1, -(-(end_ms - start_ms) // _WEEK_MS)), judged, heard)

    def count(self, decisions: Iterable[Decision]) -> None:
        """Count the decisions. One message through two channels counts once."""
        began: dict[tuple[str, str], int] = {}
        told: set[object] = set()
        for decision in decisions:
            if isinstance(decision, Move):
                self._count_move(decision, began)
            elif isinstance(decision, Message):
                once = (decision.official, decision.at, decision.occasion, decision.alerts)
                if once not in told:
                    told.add(once)
                    self._count_message(decision)

    def _count_move(self, move: Move, began: dict[tuple[str, str], int]) -> None:
        result, key = self.rules[move.rule], (move.rule, move.region)
        if move.reason is MoveReason.RAISED:
            began[key] = move.t
            result.raised += 1
            result.firing += 1
            result.regions.add(move.region)
            result.weeks[self._week(move.at)] += 1
        elif move.after is Phase.OK and move.episode is not None:
            result.firing -= 1
            result.lasted_ms.append(move.t - began.pop(key))

    def _count_message(self, message: Message) -> None:
        result = self.rules[message.alerts[0].rule]
        result.messages += 1
        result.heard.add(message.official)
        self.officials[message.official].weeks[self._week(message.at)] += 1

    def _week(self, at: int) -> int:
        return min((at - self.start_ms) // _WEEK_MS, self.weeks - 1)


def backtested(
    rules: tuple[Rule, ...], officials: tuple[Official, ...], events: Iterable[tuple[int, Event]], days: Sequence[date]
) -> Backtest:
    """Return what the engine would have decided on these events of these days; time goes on to the last day's end."""
    # In the zone of the west, whose days end last.
    start = to_ms(datetime.combine(days[0], time(), WIB))
    end = to_ms(datetime.combine(days[-1] + timedelta(days=1), time(), WIB))
    backtest = Backtest.begin(rules, officials, start, end)
    ticks: list[tuple[int, Event]] = [(start, Tick()), (end, Tick())]
    backtest.count(trace(rules, officials, chain(ticks[:1], events, ticks[1:])))
    return backtest
