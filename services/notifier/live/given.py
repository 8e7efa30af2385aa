"""What the evaluator is given, in the order of time: each with the event for the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from services.notifier.engine.events import RegionRetired, RulesGiven, SnapshotRead
from services.notifier.live.inputs import Input


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the topic. `event`: None where it says nothing, or was set aside."""

    event: SnapshotRead | None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A new content of the file of rules."""

    event: RulesGiven
    text: str


@dataclass(frozen=True, slots=True)
class Retired:
    """A region that is no longer in force."""

    event: RegionRetired


Given: TypeAlias = Record | Input | RuleFile | Retired
