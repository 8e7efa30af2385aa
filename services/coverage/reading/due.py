"""People who will lapse within some days unless somebody pays: by payer, child, month or group. Of the present only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from services.coverage.counting.domain.profiles import Lapse, lapse_of
from services.coverage.counting.ports import Store
from services.coverage.reference.domain.potentials import Children
from shared.regions.codes import local
from shared.runtime.clock import Clock

By = Literal["payer", "child", "month", "group"]

_KEYS: Final[dict[By, Callable[[Lapse], Iterable[str]]]] = {
    "payer": lambda lapse: (lapse.payer,),
    "month": lambda lapse: (f"{lapse.on:%Y-%m}",),
    "group": lambda lapse: lapse.groups,
}


@dataclass(frozen=True, slots=True)
class DuePart:
    """People who lapse, of one payer, child, month or group."""

    key: str
    people: int


@dataclass(frozen=True, slots=True)
class Due:
    """Active people of a region who lapse on `until` or before it unless somebody pays.

    Parts add up to all people, except by group: a person may be in several groups or in none. `unplaced` people are in
    no child; it is null unless parts are by child.
    """

    region: str
    until: date
    by: By
    people: int
    parts: list[DuePart]
    unplaced: int | None


class DueReader:
    """Reads who is due."""

    def __init__(self, store: Store, children: Children, clock: Clock) -> None:
        self._store = store
        self._children = children
        self._clock = clock

    async def of(self, region: str, ahead: timedelta, by: By) -> Due:
        """Return who lapses within that time from the region's today."""
        until = local(region, self._clock.now()).date() + ahead
        children = self._children(region) if by == "child" else ()
        figures = await self._store.figures([region, *children], None)
        due = {code: found.tally.due(until) for code, found in figures.items()}
        people = sum(due[region].values())
        if by == "child":
            parts = {child: sum(due[child].values()) for child in children}
            return Due(region, until, by, people, _parts(parts), people - sum(parts.values()))
        by_key = Counter[str]()
        for code, number in due[region].items():
            by_key.update(dict.fromkeys(_KEYS[by](lapse_of(code)), number))
        return Due(region, until, by, people, _parts(by_key), None)


def _parts(people: Mapping[str, int]) -> list[DuePart]:
    return [DuePart(key, people[key]) for key in sorted(people) if people[key]]
