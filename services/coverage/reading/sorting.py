"""Sorts and filters regions, using only figures that the caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

from services.coverage.reading.derived import WORKERS
from services.coverage.reading.shown import PublicPlace, PublicQuota, Shown, ratio_in

Value = str | float | None
Sort = Literal[
    "code", "name", "registered", "active", "potential", "ratio", "registered_ratio", "short", "due",
    "-code", "-name", "-registered", "-active", "-potential", "-ratio", "-registered_ratio", "-short", "-due",
]  # fmt: skip
Filter = Literal["below_target", "at_zero", "quota_missed"]


def _potential(shown: Shown) -> Value:
    potential = None if isinstance(shown, PublicPlace) else shown.potential.get(WORKERS)
    return None if potential is None else potential.value


def _short(shown: Shown) -> Value:
    """Return the people short of the target of all workers: of the active ones if that is a target, else registered."""
    targets = () if isinstance(shown, PublicPlace) else shown.target
    short = {target.measure: target.people_short for target in targets if target.basis == WORKERS}
    return short.get("active", short.get("registered"))


def _due(shown: Shown) -> Value:
    """Return the people who lapse within 30 days; None as of a day in the past."""
    return None if isinstance(shown, PublicPlace) or not shown.due else sum(shown.due["30d"].values())


def _misses_quota(shown: Shown) -> bool:
    return any(one.met is False if isinstance(one, PublicQuota) else one.passing < one.villages for one in shown.quota)


_VALUES: Final[dict[str, Callable[[Shown], Value]]] = {
    "code": lambda shown: shown.region,
    "name": lambda shown: shown.name,
    "registered": lambda shown: shown.registered,
    "active": lambda shown: shown.active,
    "potential": _potential,
    "ratio": lambda shown: ratio_in(shown.coverage.active),
    "registered_ratio": lambda shown: ratio_in(shown.coverage.registered),
    "short": _short,
    "due": _due,
}
_FILTERS: Final[dict[Filter, Callable[[Shown], bool]]] = {
    "below_target": lambda shown: not isinstance(shown, PublicPlace) and any(one.people_short for one in shown.target),
    "at_zero": lambda shown: shown.active == 0,
    "quota_missed": _misses_quota,
}


def value_of(shown: Shown, sort: Sort) -> Value:
    """Return what this order compares; None if it is hidden or unknown."""
    return _VALUES[sort.removeprefix("-")](shown)


def filtered(regions: Iterable[Shown], filters: Iterable[Filter]) -> Iterator[Shown]:
    """Yield the regions that pass all filters."""
    filters = tuple(filters)
    return (shown for shown in regions if all(_FILTERS[name](shown) for name in filters))


def ordered(regions: Iterable[Shown], sort: Sort) -> list[Shown]:
    """Return the regions in order, equal ones by code, those without a value last."""
    by_code = sorted(((value_of(shown, sort), shown) for shown in regions), key=lambda item: item[1].region)
    known: list[tuple[Any, Shown]] = [item for item in by_code if item[0] is not None]
    known.sort(key=lambda item: item[0], reverse=sort.startswith("-"))
    return [shown for _, shown in known] + [shown for value, shown in by_code if value is None]
