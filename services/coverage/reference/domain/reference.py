"""Reference data: dated, sourced, restated; nothing is ever overwritten. One piece for every kind of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from shared.regions.codes import NATION, lineage_of, local

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Kind(Generic[V]):
    """One kind of reference data: its name in addresses and commands, and what a value of it is."""

    name: str
    value: type[V]


class AsOf(NamedTuple):
    """Which day is asked about, by effect, and until which day (WIB) a version must have been recorded; None: ever."""

    day: date
    known_at: date | None = None


@dataclass(frozen=True, slots=True)
class Figure(Generic[V]):
    """What is stated of a region from a day on. A value of None withdraws what was stated.

    `series` tells figures of one kind and region apart: a basis, a group, an award. `definition` says what is counted
    or what it rests on.
    """

    kind: Kind[V]
    region: str
    series: str
    valid_from: date
    value: V | None
    source: str
    definition: str


@dataclass(frozen=True, slots=True)
class Row(Generic[V]):
    """A figure as it was recorded; `version` counts the rows of its kind, region and series from 1."""

    figure: Figure[V]
    recorded_at: datetime
    version: int

    @property
    def value(self) -> V:
        """What the row states. Only for a row in force, which never withdraws."""
        assert self.figure.value is not None, "a row that withdraws is never in force"
        return self.figure.value

    def known(self, known_at: date | None) -> bool:
        """Say whether the row had been recorded by the end of that day, as the nation counts days."""
        return known_at is None or local(NATION, self.recorded_at).date() <= known_at


def in_force(rows: Iterable[Row[V]], at: AsOf) -> Row[V] | None:
    """Return the row in force on a day: the latest valid_from, then the latest recorded, then the greatest source.

    None where there is none, or where that row withdraws.
    """
    begun = (row for row in rows if row.figure.valid_from <= at.day and row.known(at.known_at))
    row = max(begun, key=_precedence, default=None)
    return row if row is not None and row.figure.value is not None else None


def _precedence(row: Row[Any]) -> tuple[date, datetime, str, int]:
    """Order rows by what decides; the version only where two imports met within a millisecond."""
    return row.figure.valid_from, row.recorded_at, row.figure.source, row.version


def is_news(figure: Figure[V], rows: Sequence[Row[V]]) -> bool:
    """Say whether the figure states anything that the newest rows of its series for its day do not.

    Rows recorded together stand side by side, so that a file with two sources for one day can be sent again.
    """
    same_day = [row for row in rows if row.figure.valid_from == figure.valid_from]
    latest = max((row.recorded_at for row in same_day), default=None)
    return figure not in (row.figure for row in same_day if row.recorded_at == latest)


def numbered(figures: Iterable[Figure[V]], known: Iterable[Row[V]], recorded_at: datetime) -> list[Row[V]]:
    """Return those of the figures, all of one kind, that are news as rows, numbered on from what is known."""
    by_series: defaultdict[tuple[str, str], list[Row[V]]] = defaultdict(list)
    for row in known:
        by_series[row.figure.region, row.figure.series].append(row)
    versions = Counter({series: len(rows) for series, rows in by_series.items()})
    news: list[Row[V]] = []
    for figure in figures:
        series = (figure.region, figure.series)
        if is_news(figure, by_series[series]):
            versions[series] += 1
            news.append(Row(figure, recorded_at, versions[series]))
    return news


class Book:
    """All rows of a process, by kind, region and series."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, dict[str, dict[str, list[Row[Any]]]]] = defaultdict(dict)
        self._regions: set[str] = set()
        self._size = 0

    def add(self, row: Row[Any]) -> None:
        """Take a row in; one that is there already (same version) changes nothing."""
        figure = row.figure
        rows = self._rows[figure.kind.name].setdefault(figure.region, {}).setdefault(figure.series, [])
        if row not in rows:
            rows.append(row)
            self._size += 1
            self._regions.update(lineage_of(figure.region))

    @property
    def size(self) -> int:
        """How many rows there are: whoever remembers what follows from them sees by it that it may no longer hold."""
        return self._size

    @property
    def regions(self) -> frozenset[str]:
        """Every region that any row bears upon: the one it speaks of, and those above."""
        return frozenset(self._regions)

    def regions_of(self, kind: Kind[V]) -> Iterable[str]:
        """Return the regions that rows of the kind speak of."""
        return self._rows[kind.name].keys()

    def rows(self, kind: Kind[V], region: str, series: str) -> Sequence[Row[V]]:
        """Return every version, in force or not."""
        return self._rows[kind.name].get(region, {}).get(series, ())

    def one(self, kind: Kind[V], region: str, series: str, at: AsOf) -> Row[V] | None:
        """Return the row in force of one series."""
        return in_force(self.rows(kind, region, series), at)

    def all(self, kind: Kind[V], region: str, at: AsOf) -> Mapping[str, Row[V]]:
        """Return the rows in force by series, in order; a series without one is absent."""
        found = {name: in_force(rows, at) for name, rows in sorted(self._rows[kind.name].get(region, {}).items())}
        return {series: row for series, row in found.items() if row is not None}
