"""Reference data: dated, sourced and restated, never overwritten. The same rules hold for every kind of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from shared.regions.codes import NATION, lineage_of, local

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ReferenceKind(Generic[V]):
    """One kind of reference data: its name in addresses and commands, and the type of its values."""

    name: str
    value: type[V]


class AsOf(NamedTuple):
    """The day that a question is about, and the last day (WIB) on which a version may have been recorded.

    `known_at` None counts every version.
    """

    day: date
    known_at: date | None = None


@dataclass(frozen=True, slots=True)
class Statement(Generic[V]):
    """What a source states about a region from `valid_from` on. A value of None withdraws the earlier statement.

    `series` separates statements of one kind about one region: a basis, a group, an award. `definition` says what is
    counted, or names the decree behind it.
    """

    kind: ReferenceKind[V]
    region: str
    series: str
    valid_from: date
    value: V | None
    source: str
    definition: str


@dataclass(frozen=True, slots=True)
class RecordedRow(Generic[V]):
    """A statement as it was recorded. `version` counts the rows of its kind, region and series from 1."""

    statement: Statement[V]
    recorded_at: datetime
    version: int

    @property
    def value(self) -> V:
        """The stated value. Only a row in force may be asked: such a row never withdraws."""
        assert self.statement.value is not None, "a row that withdraws is never in force"
        return self.statement.value

    def known(self, known_at: date | None) -> bool:
        """Say whether the row had been recorded by the end of that day in WIB."""
        return known_at is None or local(NATION, self.recorded_at).date() <= known_at


def in_force(rows: Iterable[RecordedRow[V]], at: AsOf) -> RecordedRow[V] | None:
    """Return the row in force on a day: the latest valid_from, then the latest recorded, then the greatest source.

    None where there is no such row, or where it withdraws.
    """
    begun = (row for row in rows if row.statement.valid_from <= at.day and row.known(at.known_at))
    row = max(begun, key=_precedence, default=None)
    return row if row is not None and row.statement.value is not None else None


def _precedence(row: RecordedRow[Any]) -> tuple[date, datetime, str, int]:
    """Return the sort key of a row. The version decides only between imports of the same millisecond."""
    return row.statement.valid_from, row.recorded_at, row.statement.source, row.version


def is_new(statement: Statement[V], rows: Sequence[RecordedRow[V]]) -> bool:
    """Say whether the newest rows of the series for the same day do not hold this statement yet.

    All rows that were recorded last are compared: a file with two sources for one day may be sent again.
    """
    same_day = [row for row in rows if row.statement.valid_from == statement.valid_from]
    latest = max((row.recorded_at for row in same_day), default=None)
    return statement not in (row.statement for row in same_day if row.recorded_at == latest)


def new_rows(
    statements: Iterable[Statement[V]], known: Iterable[RecordedRow[V]], recorded_at: datetime
) -> list[RecordedRow[V]]:
    """Return a row for each new statement. All are of one kind; versions continue those of the known rows."""
    by_series: defaultdict[tuple[str, str], list[RecordedRow[V]]] = defaultdict(list)
    for row in known:
        by_series[row.statement.region, row.statement.series].append(row)
    versions = Counter({series: len(rows) for series, rows in by_series.items()})
    found: list[RecordedRow[V]] = []
    for statement in statements:
        series = (statement.region, statement.series)
        if is_new(statement, by_series[series]):
            versions[series] += 1
            found.append(RecordedRow(statement, recorded_at, versions[series]))
    return found


class ReferenceIndex:
    """All rows that this process knows, by kind, region and series."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, dict[str, dict[str, tuple[RecordedRow[Any], ...]]]] = defaultdict(dict)
        self._regions: frozenset[str] = frozenset()
        self._days: defaultdict[str, set[date]] = defaultdict(set)
        self._size = 0

    def add(self, rows: Collection[RecordedRow[Any]]) -> None:
        """Add rows at once: who reads in another thread sees none or all. A row that is there changes nothing."""
        found = {kind: dict(self._rows[kind]) for kind in {row.statement.kind.name for row in rows}}
        regions, days = set(self._regions), {kind: set(self._days[kind]) for kind in found}
        added = 0
        for row in rows:
            statement, kind = row.statement, row.statement.kind.name
            series = found[kind].get(statement.region, {})
            before = series.get(statement.series, ())
            if row not in before:
                found[kind][statement.region] = {**series, statement.series: (*before, row)}
                regions.update(lineage_of(statement.region))
                days[kind].add(statement.valid_from)
                added += 1
        self._rows.update(found)
        self._days.update(days)
        self._regions = frozenset(regions)
        # The last, so that what was derived meanwhile counts as outdated.
        self._size += added

    @property
    def size(self) -> int:
        """The number of rows. A cache of derived values is outdated when it has changed."""
        return self._size

    @property
    def regions(self) -> frozenset[str]:
        """Every region with a row, and all regions above it."""
        return self._regions

    def regions_of(self, kind: ReferenceKind[V]) -> Set[str]:
        """Return the regions that have rows of the kind."""
        return self._rows[kind.name].keys()

    def begun(self, kinds: Iterable[ReferenceKind[Any]], day: date) -> date:
        """Return the last day up to `day` from which a row of these kinds holds. On all days since, the same do."""
        return max((one for kind in kinds for one in self._days[kind.name] if one <= day), default=date.min)

    def rows(self, kind: ReferenceKind[V], region: str, series: str) -> Sequence[RecordedRow[V]]:
        """Return every version of a series, in force or not."""
        # Most regions have none, and a board asks for each village.
        by_series = self._rows[kind.name].get(region)
        return () if by_series is None else by_series.get(series, ())

    def one(self, kind: ReferenceKind[V], region: str, series: str, at: AsOf) -> RecordedRow[V] | None:
        """Return the row in force of one series, or None."""
        rows = self.rows(kind, region, series)
        return in_force(rows, at) if rows else None

    def all(self, kind: ReferenceKind[V], region: str, at: AsOf) -> Mapping[str, RecordedRow[V]]:
        """Return the rows in force by series, sorted. A series without a row in force is absent."""
        found = {name: in_force(rows, at) for name, rows in sorted(self._rows[kind.name].get(region, {}).items())}
        return {series: row for series, row in found.items() if row is not None}
