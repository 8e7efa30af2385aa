"""What a rule reads from a snapshot, as whole numbers that a sentence can say. The engine's own functions read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import ceil
from typing import Final

from services.notifier.engine import rules
from services.notifier.engine.instants import to_ms
from services.notifier.engine.kinds import Figure, Side, compiled
from services.notifier.engine.rules import Basis, Direction, Lines, Measure, Slice
from shared.contracts.snapshots import Forecast, QuotaBoard, Snapshot, Target, TargetPoint, Window

NAMES: Final = {
    rules.Threshold: "threshold", rules.People: "people", rules.Share: "share", rules.Fall: "fall",
    rules.Quota: "quota", rules.Behind: "behind", rules.Forecast: "forecast", rules.LapseAhead: "lapse_ahead",
    rules.Designated: "designation", rules.Silent: "silence",
}  # fmt: skip
"""The kinds as files of rules and the templates name them."""
_NO_LINES: Final = Lines(Direction.ABOVE, Fraction(0), Fraction(0))
"""For asking the engine only for a number, not for a side."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a rule of this kind in a snapshot that is judged at `at`.

    `x`: the engine's figure as (numerator, denominator), or None where it is unknown. `is_raised`: it is on the raise
    side.
    """

    kind: rules.Kind
    snapshot: Snapshot
    at: datetime
    x: Figure | None
    is_raised: bool

    @property
    def name(self) -> str:
        """The kind's name in files of rules."""
        return NAMES[type(self.kind)]

    @property
    def measure(self) -> Measure:
        """What the rule counts; active people where the kind does not say."""
        return getattr(self.kind, "measure", "active")

    @property
    def basis(self) -> Basis:
        """Whose coverage the rule looks at; `workers` where the kind does not say."""
        return getattr(self.kind, "basis", "workers")

    @property
    def slice(self) -> Slice | None:
        """The people that the rule looks at; None: everyone."""
        if isinstance(self.kind, rules.Quota):
            return Slice("group", self.kind.group)
        if isinstance(self.kind, rules.Designated):
            return Slice("group", "village_official")
        return getattr(self.kind, "slice", None)

    @property
    def lines(self) -> Lines | None:
        """The lines of the rule; None for kinds without any."""
        return getattr(self.kind, "lines", None)

    @property
    def above(self) -> bool:
        """Whether the rule is raised at or over its line."""
        return self.lines is None or self.lines.direction is Direction.ABOVE

    @property
    def is_ratio(self) -> bool:
        """Whether x is people ÷ people, so that its lines are ratios."""
        by_share = isinstance(self.kind, rules.LapseAhead) and self.kind.unit == "share"
        return by_share or isinstance(self.kind, rules.Threshold | rules.Share | rules.Fall)

    @property
    def counts_people(self) -> bool:
        """Whether x and its lines are people, or ratios of people."""
        return self.is_ratio or isinstance(self.kind, rules.People | rules.LapseAhead)

    @property
    def gap(self) -> int | None:
        """People over the raise line, negative: short of it; None where the rule does not count people."""
        return None if self.lines is None else self._gap(self.lines.raised)

    @property
    def gap_to_clear(self) -> int | None:
        """People over the clear line, negative: short of it; None where the rule does not count people."""
        return None if self.lines is None else self._gap(self.lines.cleared)

    def _gap(self, line: Fraction) -> int | None:
        if self.x is None or not self.counts_people:
            return None
        numerator, denominator = self.x
        return numerator - ceil(line * denominator)

    def covered(self, measure: Measure, basis: Basis) -> Figure | None:
        """Return people of the basis and its potential; None without a potential."""
        return compiled(rules.Threshold(_NO_LINES, measure, basis)).figure(self.snapshot, 0)

    def people(self, measure: Measure) -> int:
        """Return the number of people of the rule's slice, or of its basis."""
        group = {"vulnerable": "vulnerable", "village_officials": "village_official"}.get(self.basis)
        part = self.slice or (Slice("group", group) if group else None)
        figure = compiled(rules.People(_NO_LINES, measure, part)).figure(self.snapshot, 0)
        assert figure is not None  # A number of people is always known.
        return figure[0]

    @property
    def window(self) -> Window:
        """The window of flows that explains the figure."""
        return self.kind.window if isinstance(self.kind, rules.Fall) else "30d"

    @property
    def change(self) -> int:
        """By how many people the flows of the window changed the measure."""
        return change(self.snapshot, self.measure, self.window)

    @property
    def target(self) -> Target | None:
        """The target path of the rule's basis and measure."""
        paths = (each for each in self.snapshot.target if (each.basis, each.measure) == (self.basis, self.measure))
        return next(paths, None)

    @property
    def next_target(self) -> TargetPoint | None:
        """The next point of the path that has a number of people; else its last."""
        path = self.target
        points = () if path is None else (path.next, path.last)
        return next((point for point in points if point is not None and point.people_short is not None), None)

    @property
    def forecast(self) -> Forecast | None:
        """The forecast of the rule's basis and measure."""
        found = (each for each in self.snapshot.forecast if (each.basis, each.measure) == (self.basis, self.measure))
        return next(found, None)

    @property
    def board(self) -> QuotaBoard | None:
        """The board of the rule's group."""
        group = getattr(self.kind, "group", None)
        return next((board for board in self.snapshot.quota if board.group == group), None)

    @property
    def heard(self) -> datetime | None:
        """When the rule's source was last heard; None: never."""
        fed_at = self.snapshot.fed_at.get(getattr(self.kind, "source", ""))
        return None if fed_at is None else min(fed_at, self.snapshot.as_of)

    @property
    def due(self) -> list[tuple[str, int]]:
        """People who lapse within the rule's window (else 30 days), by payer, most first."""
        window, payers = "30d", None
        if isinstance(self.kind, rules.LapseAhead):
            window, payers = self.kind.window, self.kind.payers
        found = self.snapshot.due.get(window, {}).items()  # type: ignore[call-overload]
        return most((payer, people) for payer, people in found if people and (payers is None or payer in payers))

    @property
    def level_as_ratio(self) -> Fraction | None:
        """The share of potential workers that should be reached: a line, or today's point of a path."""
        if isinstance(self.kind, rules.Threshold):
            return self.kind.lines.raised
        if isinstance(self.kind, rules.Behind):
            required = self.target and self.target.required
            return None if required is None else Fraction(repr(required))
        if isinstance(self.kind, rules.Forecast) and self.forecast is not None:
            return Fraction(repr(self.forecast.ratio))
        return None


def figures(kind: rules.Kind, snapshot: Snapshot, at: datetime) -> Figures:
    """Return what the kind reads from the snapshot, judged at `at`."""
    reading = compiled(kind)
    x = reading.figure(snapshot, to_ms(at))
    return Figures(kind, snapshot, at, x, x is not None and reading.side_of_figure(*x) is Side.RAISE)


def change(snapshot: Snapshot, measure: Measure, window: Window) -> int:
    """Return by how many people the flows of the window changed the measure."""
    parts = compiled(rules.Fall(_NO_LINES, measure, window)).parts
    assert parts is not None  # A fall has a potential as its denominator.
    return -parts[0](snapshot)


def most(found: object) -> list[tuple[str, int]]:
    """Return the pairs, the largest number first, up or down."""
    return sorted(found, key=lambda pair: (-abs(pair[1]), pair[0]))  # type: ignore[call-overload, no-any-return]
