"""The number x of each kind of rule, and the side on which it stands; a kind is compiled once to a quick function.

A figure is x as (numerator, denominator), compared by cross-multiplication and never rounded. A denominator of 0 under
a numerator of 1 is the endless x of a forecast that is never reached. None: x is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import singledispatch
from typing import Final, TypeAlias

from services.notifier.engine import rules
from services.notifier.engine.instants import to_ms
from services.notifier.engine.rules import Basis, Direction, Kind, Lines, Measure, Slice
from shared.contracts.snapshots import Count, Snapshot

Figure: TypeAlias = tuple[int, int]
FigureOf: TypeAlias = Callable[[Snapshot, int], Figure | None]
"""x of a snapshot judged at an instant in milliseconds."""
Number: TypeAlias = Callable[[Snapshot], int]


class Side(Enum):
    """Where x stands: where it raises, where it clears, or in the band between."""

    RAISE = 1
    BAND = 2
    CLEAR = 3


SideOf: TypeAlias = Callable[[Snapshot, int], Side | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """A compiled kind. `parts` are numerator and basis of a kind whose denominator is a potential, else None."""

    figure: FigureOf
    side: SideOf
    side_of_figure: Callable[[int, int], Side]
    parts: tuple[Number, Basis] | None = None


_GROUPS: Final[Mapping[Basis, str]] = {"vulnerable": "vulnerable", "village_officials": "village_official"}
"""The group whose people are the numerator of a basis; of `workers` it is everyone."""
_NOBODY: Final = Count()
_JOINING: Final = ("joined", "rejoined", "moved_in")
_LEAVING: Final = ("ended", "moved_out")


def compiled(kind: Kind) -> Reading:
    """Return the functions that read the kind from a snapshot."""
    side_of_figure = _sides(_lines_of(kind))
    parts = _parts(kind)
    if parts:
        return Reading(_per_potential(*parts), _side_per_potential(*parts, side_of_figure), side_of_figure, parts)
    figure = _figure(kind)

    def side(snapshot: Snapshot, t: int) -> Side | None:
        found = figure(snapshot, t)
        return None if found is None else side_of_figure(*found)

    return Reading(figure, side, side_of_figure)


def heard_at(snapshot: Snapshot, source: str) -> int | None:
    """Return when the source was last heard, at most the snapshot's own instant; None: never."""
    fed_at = snapshot.fed_at.get(source)
    return None if fed_at is None else to_ms(min(fed_at, snapshot.as_of))


def left_by_potential(reading: Reading, snapshot: Snapshot, before: Mapping[str, int]) -> bool:
    """Say whether a snapshot on the raise side would not stand there over the potential that held before it."""
    if reading.parts is None:
        return False
    number, basis = reading.parts
    potential = before.get(basis, 0)
    return potential <= 0 or reading.side_of_figure(number(snapshot), potential) is not Side.RAISE


def _lines_of(kind: Kind) -> Lines:
    """Return the lines of a kind; those of kinds without any follow from what they ask."""
    match kind:
        case rules.Designated():
            return Lines(Direction.ABOVE, Fraction(1), Fraction(1))
        case rules.Silent(after_ms=after):
            return Lines(Direction.ABOVE, Fraction(after), Fraction(after))
        case _:
            return kind.lines


def _sides(lines: Lines) -> Callable[[int, int], Side]:
    raised, raised_of = lines.raised.as_integer_ratio()
    cleared, cleared_of = lines.cleared.as_integer_ratio()

    def above(numerator: int, denominator: int) -> Side:
        if numerator * raised_of >= raised * denominator:
            return Side.RAISE
        return Side.CLEAR if numerator * cleared_of < cleared * denominator else Side.BAND

    def below(numerator: int, denominator: int) -> Side:
        if numerator * raised_of < raised * denominator:
            return Side.RAISE
        return Side.CLEAR if numerator * cleared_of >= cleared * denominator else Side.BAND

    return above if lines.direction is Direction.ABOVE else below


def _parts(kind: Kind) -> tuple[Number, Basis] | None:
    match kind:
        case rules.Threshold():
            return _people_of_basis(kind.measure, kind.basis), kind.basis
        case rules.Fall():
            return _lost(kind), "workers"
        case _:
            return None


def _per_potential(number: Number, basis: Basis) -> FigureOf:
    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        potential = snapshot.potential.get(basis)
        return (number(snapshot), potential.value) if potential is not None and potential.value > 0 else None

    return figure


def _side_per_potential(number: Number, basis: Basis, side_of_figure: Callable[[int, int], Side]) -> SideOf:
    """Return the side of `_per_potential`'s figure, in one call: most judgements are of this kind."""

    def side(snapshot: Snapshot, _t: int) -> Side | None:
        potential = snapshot.potential.get(basis)
        if potential is None or potential.value <= 0:
            return None
        return side_of_figure(number(snapshot), potential.value)

    return side


def _people_of_basis(measure: Measure, basis: Basis) -> Number:
    group = _GROUPS.get(basis)
    return _people(measure, None if group is None else Slice("group", group))


def _people(measure: Measure, part: Slice | None) -> Number:
    """Return the function that counts everyone, or the people of a slice; who is left out of a slice is nobody."""
    registered = measure == "registered"
    if part is None:
        return (lambda snapshot: snapshot.registered) if registered else (lambda snapshot: snapshot.active)
    field, value = f"by_{part.dimension}", part.value

    def number(snapshot: Snapshot) -> int:
        count: Count = getattr(snapshot, field).get(value, _NOBODY)
        return count.registered if registered else count.active

    return number


def _lost(kind: rules.Fall) -> Number:
    window = kind.window

    def registered(snapshot: Snapshot) -> int:
        flows = snapshot.flows.get(window, {})
        gained = sum(flows[name].registered for name in _JOINING if name in flows)
        return sum(flows[name].registered for name in _LEAVING if name in flows) - gained

    def active(snapshot: Snapshot) -> int:
        return -sum([count.active for count in snapshot.flows.get(window, {}).values()])

    return registered if kind.measure == "registered" else active


@singledispatch
def _figure(kind: Kind) -> FigureOf:
    raise TypeError(f"{kind!r} is no kind of rule")


@_figure.register
def _(kind: rules.People) -> FigureOf:
    number = _people(kind.measure, kind.slice)
    return lambda snapshot, _t: (number(snapshot), 1)


@_figure.register
def _(kind: rules.Share) -> FigureOf:
    part, whole = _people(kind.measure, kind.slice), _people(kind.measure, None)

    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        everyone = whole(snapshot)
        return (part(snapshot), everyone) if everyone > 0 else None

    return figure


@_figure.register
def _(kind: rules.Quota) -> FigureOf:
    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        for board in snapshot.quota:
            if board.group == kind.group:
                not_passing = board.villages - board.passing
                return {"gap": board.gap, "at_zero": board.at_zero, "not_passing": not_passing}[kind.count], 1
        return None

    return figure


@_figure.register
def _(kind: rules.Behind) -> FigureOf:
    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        for target in snapshot.target:
            if target.basis == kind.basis and target.measure == kind.measure:
                return None if target.people_short is None else (target.people_short, 1)
        return None

    return figure


@_figure.register
def _(kind: rules.Forecast) -> FigureOf:
    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        for forecast in snapshot.forecast:
            if forecast.basis == kind.basis and forecast.measure == kind.measure:
                rate = forecast.at_rate
                if rate is None:
                    return None
                return (1, 0) if rate.reached_on is None else ((rate.reached_on - forecast.due_on).days, 1)
        return None

    return figure


@_figure.register
def _(kind: rules.LapseAhead) -> FigureOf:
    payers = None if kind.payers is None else frozenset(kind.payers)

    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        due = snapshot.due.get(kind.window, {})
        people = sum(due.values() if payers is None else [due[payer] for payer in due.keys() & payers])
        if kind.unit == "people":
            return people, 1
        return (people, snapshot.active) if snapshot.active > 0 else None

    return figure


@_figure.register
def _(kind: rules.Designated) -> FigureOf:
    def figure(snapshot: Snapshot, _t: int) -> Figure | None:
        if snapshot.level != "village" or snapshot.designation is None or snapshot.designation.state is None:
            return None
        return int(snapshot.designation.state in kind.states), 1

    return figure


@_figure.register
def _(kind: rules.Silent) -> FigureOf:
    def figure(snapshot: Snapshot, t: int) -> Figure | None:
        heard = heard_at(snapshot, kind.source)
        return None if heard is None else (t - heard, 1)

    return figure
