"""Sorts and filters regions, using only figures that the caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, Protocol, TypeVar

from services.coverage.reading.derived import WORKERS
from shared.contracts.snapshots import Ratio, Snapshot


class HasRegion(Protocol):
    """A region's document, whoever may see it."""

    @property
    def region(self) -> str:
        """Its code."""
        ...


R = TypeVar("R", bound=HasRegion)
Value = str | float | None
Sort = Literal[
    "code", "name", "registered", "active", "potential", "ratio", "registered_ratio", "short", "due",
    "-code", "-name", "-registered", "-active", "-potential", "-ratio", "-registered_ratio", "-short", "-due",
]  # fmt: skip
Filter = Literal["below_target", "at_zero", "quota_missed"]


def _potential(snapshot: Snapshot) -> Value:
    potential = snapshot.potential.get(WORKERS)
    return None if potential is None else potential.value


def _short(snapshot: Snapshot) -> Value:
    """Return the people short of the target of all workers: of the active ones if that is a target, else registered."""
    short = {target.measure: target.people_short for target in snapshot.target if target.basis == WORKERS}
    return short.get("active", short.get("registered"))


def _due(snapshot: Snapshot) -> Value:
    """Return the people who lapse within 30 days; None as of a day in the past."""
    return sum(snapshot.due["30d"].values()) if snapshot.due else None


def _ratio(ratio: Ratio | None) -> Value:
    return None if ratio is None else ratio.ratio


_VALUES: Final[dict[str, Callable[[Snapshot], Value]]] = {
    "code": lambda shown: shown.region,
    "name": lambda shown: shown.name,
    "registered": lambda shown: shown.registered,
    "active": lambda shown: shown.active,
    "potential": _potential,
    "ratio": lambda shown: _ratio(shown.coverage.active),
    "registered_ratio": lambda shown: _ratio(shown.coverage.registered),
    "short": _short,
    "due": _due,
}
_FILTERS: Final[dict[Filter, Callable[[Snapshot], bool]]] = {
    "below_target": lambda shown: any(one.people_short for one in shown.target),
    "at_zero": lambda shown: shown.active == 0,
    "quota_missed": lambda shown: any(board.passing < board.villages for board in shown.quota),
}


def value_of(shown: Snapshot, sort: Sort) -> Value:
    """Return what this order compares; None if it is hidden or unknown."""
    return _VALUES[sort.removeprefix("-")](shown)


def filtered(snapshots: Iterable[Snapshot], filters: Iterable[Filter]) -> Iterator[Snapshot]:
    """Yield the regions that pass all filters."""
    filters = tuple(filters)
    return (snapshot for snapshot in snapshots if all(_FILTERS[name](snapshot) for name in filters))


def ordered(snapshots: Iterable[Snapshot], sort: Sort) -> list[Snapshot]:
    """Return the regions in order, as `ordered_by`."""
    return ordered_by(snapshots, lambda one: value_of(one, sort), descending=sort.startswith("-"))


def ordered_by(regions: Iterable[R], value: Callable[[R], Value], *, descending: bool) -> list[R]:
    """Return the regions in order, equal ones by code, those without a value last."""
    by_code = sorted(((value(one), one) for one in regions), key=lambda item: item[1].region)
    known: list[tuple[Any, R]] = [item for item in by_code if item[0] is not None]
    known.sort(key=lambda item: item[0], reverse=descending)
    return [one for _, one in known] + [one for found, one in by_code if found is None]
