"""What the engine is given, each at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from services.notifier.engine.directory import Official
from services.notifier.engine.rules import Rule
from services.notifier.engine.world import Silence
from shared.contracts.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class SnapshotRead:
    """A snapshot was written."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class RulesGiven:
    """These rules are in force from now on, and no others."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class OfficialsGiven:
    """These officials are in the file from now on, and no others."""

    officials: tuple[Official, ...]


@dataclass(frozen=True, slots=True)
class SilenceGiven:
    """The silence begins, and replaces the one of the same id."""

    silence: Silence


@dataclass(frozen=True, slots=True)
class SilenceEnded:
    """The silence of that id ends before its time."""

    id: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An official has taken note of the alert that fires there."""

    rule: str
    region: str
    official: str


@dataclass(frozen=True, slots=True)
class RegionRetired:
    """The region's code is retired; nothing is watched there any more."""

    region: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Only time passes."""


Event: TypeAlias = (
    SnapshotRead | RulesGiven | OfficialsGiven | SilenceGiven | SilenceEnded | Acknowledged | RegionRetired | Tick
)
