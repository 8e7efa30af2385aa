"""What a release holds: a document for each region, with None for what is hidden; `suppressed` names it."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from services.coverage.public.domain.hiding import MEASURES, Cell, Cells, Counted
from services.coverage.public.domain.suppression import unplaced_of
from shared.contracts.snapshots import Count, Coverage, Potential, Ratio
from shared.regions.codes import Level

T = TypeVar("T")

FULL_LEVELS: Final[frozenset[Level]] = frozenset({"nation", "province", "regency"})
"""Shown with slices, flows and boards; districts and villages are too small for them."""


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A month, the unit of releases."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month that the day is in."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Return the month that is written as `2026-10`. Raises: ValueError."""
        return cls.of(date.fromisoformat(f"{text}-01"))

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> Month:
        """The month before."""
        return Month.of(self.first_day - timedelta(days=1))

    def __str__(self) -> str:
        """Return the month as it is written, `2026-10`."""
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True, slots=True)
class PublicCount:
    """People; None if they are few or would reveal a few."""

    registered: int | None
    active: int | None


@dataclass(frozen=True, slots=True)
class PublicRatio:
    """A ratio, hidden with its numerator."""

    numerator: int | None
    denominator: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class PublicCoverage:
    """Coverage of all workers by each measure; None if no potential is known."""

    registered: PublicRatio | None
    active: PublicRatio | None


@dataclass(frozen=True, slots=True)
class PublicBoard:
    """How the villages stand against their quota of a group; the last three are hidden together."""

    group: str
    measure: str | None
    required: int | None
    villages: int
    passing: int | None
    at_zero: int | None
    gap: int | None


@dataclass(frozen=True, slots=True)
class PublicQuota:
    """Whether a village, or every village of a district, meets its quota of a group; None if hidden."""

    group: str
    measure: str | None
    required: int | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class PublicDesignation:
    """Desa Sadar: whether a village is designated, or above it how many are. Nothing of its officials is public."""

    designated: bool | None = None
    villages: int | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """What is shown of every region. `made_on` is the day (WIB) on which the release was made."""

    month: str
    made_on: date
    region: str
    name: str
    level: Level
    time_zone: str
    parent: str | None
    as_of: datetime
    registered: int | None
    active: int | None
    unplaced: PublicCount


@dataclass(frozen=True, slots=True)
class PublicPlace(_Place):
    """A district or village at the end of a month."""

    coverage: PublicCoverage
    quota: tuple[PublicQuota, ...]
    designation: PublicDesignation | None
    suppressed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicRegion(_Place):
    """Nation, province or regency at the end of a month; `flows` are those of the month, by kind."""

    potential: dict[str, Potential]
    coverage: PublicCoverage
    by_segment: dict[str, PublicCount]
    by_group: dict[str, PublicCount]
    by_payer: dict[str, PublicCount]
    by_programme: dict[str, PublicCount]
    flows: dict[str, PublicCount]
    quota: tuple[PublicBoard, ...]
    designation: PublicDesignation | None
    suppressed: tuple[str, ...]


Shown = PublicRegion | PublicPlace


@dataclass(frozen=True, slots=True)
class About:
    """What is public of a region in a release besides its numbers."""

    month: Month
    made_on: date
    as_of: datetime
    name: str
    level: Level
    time_zone: str
    parent: str | None
    potential: dict[str, Potential]
    coverage: Coverage
    designation: PublicDesignation | None


def document(counted: Counted, about: About, hidden: Cells) -> Shown:
    """Return a region as the public sees it."""
    view = _View(counted.region, hidden)
    people, unplaced = view.count("", counted.people), view.unplaced(counted.unplaced)
    coverage = PublicCoverage(
        _ratio(about.coverage.registered, people.registered), _ratio(about.coverage.active, people.active)
    )
    place = (
        str(about.month), about.made_on, counted.region, about.name, about.level, about.time_zone, about.parent,
        about.as_of, people.registered, people.active, unplaced,
    )  # fmt: skip
    if about.level not in FULL_LEVELS:
        quota = tuple(
            PublicQuota(board.group, board.measure, board.required,
                        view.shown(f"quota.{board.group}", board.passing == board.villages))
            for board in counted.quota
        )  # fmt: skip
        return PublicPlace(*place, coverage, quota, about.designation, view.suppressed)
    boards = tuple(
        PublicBoard(board.group, board.measure, board.required, board.villages,
                    *(view.shown(f"quota.{board.group}", n) for n in (board.passing, board.at_zero, board.gap)))
        for board in counted.quota
    )  # fmt: skip
    by_segment, by_group, by_payer, by_programme = (
        {value: view.count(f"{name}.{value}.", count) for value, count in sorted(counted.slices[name].items())}
        for name in ("by_segment", "by_group", "by_payer", "by_programme")
    )
    flows = {kind: view.flow(kind, count) for kind, count in counted.flows.items()}
    return PublicRegion(
        *place, dict(about.potential), coverage, by_segment, by_group, by_payer, by_programme, flows, boards,
        about.designation, view.suppressed,
    )  # fmt: skip


class _View:
    """Leaves the hidden cells of a region out, and remembers which they were."""

    def __init__(self, region: str, hidden: Cells) -> None:
        self._region = region
        self._hidden = hidden
        self._suppressed: dict[str, None] = {}

    @property
    def suppressed(self) -> tuple[str, ...]:
        return tuple(self._suppressed)

    def shown(self, column: str, value: T) -> T | None:
        """Return the value, or None if the column is hidden of this region."""
        return self._one(column, self._region, column, value)

    def count(self, prefix: str, count: Count) -> PublicCount:
        return PublicCount(*(self.shown(f"{prefix}{measure}", getattr(count, measure)) for measure in MEASURES))

    def flow(self, kind: str, count: Count) -> PublicCount:
        column = f"flows.{kind}"
        return PublicCount(self.shown(column, count.registered), self.shown(column, count.active))

    def unplaced(self, count: Count) -> PublicCount:
        place = unplaced_of(self._region)
        return PublicCount(*(self._one(m, place, f"unplaced.{m}", getattr(count, m)) for m in MEASURES))

    def _one(self, column: str, region: str, name: str, value: T) -> T | None:
        if Cell(column, region) not in self._hidden:
            return value
        self._suppressed[name] = None
        return None


def _ratio(ratio: Ratio | None, numerator: int | None) -> PublicRatio | None:
    if ratio is None:
        return None
    return PublicRatio(numerator, ratio.denominator, None if numerator is None else ratio.ratio)
