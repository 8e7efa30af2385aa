"""The regions right below that contributed most to what a rule saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import ceil
from typing import Final, Literal, TypeAlias

from services.notifier.engine import rules
from services.notifier.engine.kinds import Figure
from services.notifier.messages.figures import Figures, change, figures
from shared.contracts.snapshots import Snapshot

SHOWN: Final = 5
"""As many as an official reads at a glance."""
Reason: TypeAlias = Literal["short", "change", "gap", "at_zero", "not_passing", "due", "people", "silent"]


@dataclass(frozen=True, slots=True)
class Row:
    """A region, and by how many people (villages; of a silence: milliseconds) it contributed.

    `heard`: when the rule's source last sent something about it.
    """

    region: str
    name: str
    level: str
    number: int
    coverage: Figure | None = None
    heard: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contributors:
    """The regions that contributed most, the largest first, and what their number means."""

    reason: Reason
    rows: tuple[Row, ...]


Number: TypeAlias = Callable[[Figures], int]


def contributors(whole: Figures, below: Sequence[Snapshot]) -> Contributors:
    """Return the five regions with the largest part in the figure; none where the rule does not look below."""
    parts = [figures(whole.kind, snapshot, whole.at) for snapshot in below]
    match whole.kind:
        case rules.Quota(count=count):
            return _rows(count, parts, lambda part: part.x[0] if part.x else 0)
        case rules.LapseAhead():
            return _rows("due", parts, lambda part: sum(people for _, people in part.due))
        case rules.Silent():
            return _rows("silent", parts, lambda part: part.x[0] if part.x else 0)
        case rules.Designated():
            return Contributors("people", ())
        case rules.People(slice=part) | rules.Share(slice=part) if part is not None:
            return _rows("people", parts, lambda part: part.people(part.measure))
    return _short_of_level(whole, parts) or _changed(whole, parts)


def movers(whole: Figures, below: Sequence[Snapshot]) -> Contributors:
    """Return the five regions whose flows moved the measure most; none where the rule is not about everyone."""
    if whole.slice is not None or isinstance(whole.kind, rules.LapseAhead | rules.Silent):
        return Contributors("change", ())
    return _changed(whole, [figures(whole.kind, snapshot, whole.at) for snapshot in below])


def _short_of_level(whole: Figures, parts: Iterable[Figures]) -> Contributors | None:
    """Return the regions with most people short of the same ratio; None where none has a potential or is short."""
    ratio = whole.level_as_ratio
    if ratio is None or (isinstance(whole.kind, rules.Threshold) and whole.above):
        return None
    found = _rows("short", parts, lambda part: _short(part, ratio))
    return found if found.rows else None


def _short(part: Figures, ratio: Fraction) -> int:
    covered = part.covered(part.measure, part.basis)
    return 0 if covered is None else max(0, ceil(ratio * covered[1]) - covered[0])


def _changed(whole: Figures, parts: Iterable[Figures]) -> Contributors:
    """Return the regions whose flows moved the figure most in the direction in which it went."""
    sign = 1 if whole.change > 0 else -1
    moved = _rows("change", parts, lambda part: sign * change(part.snapshot, part.measure, part.window))
    return Contributors("change", tuple(_signed(row, sign) for row in moved.rows))


def _signed(row: Row, sign: int) -> Row:
    return Row(row.region, row.name, row.level, sign * row.number, row.coverage, row.heard)


def _rows(reason: Reason, parts: Iterable[Figures], number: Number) -> Contributors:
    """Return the parts whose number is over 0, the largest first."""
    numbers = [(number(part), part) for part in parts]
    largest = sorted(
        (pair for pair in numbers if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].snapshot.region)
    )[:SHOWN]  # fmt: skip
    return Contributors(reason, tuple(_row(value, part) for value, part in largest))


def _row(number: int, part: Figures) -> Row:
    snapshot = part.snapshot
    coverage = part.covered(part.measure, part.basis)
    return Row(snapshot.region, snapshot.name, snapshot.level, number, coverage, part.heard)
