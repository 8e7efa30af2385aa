"""Where a region's figures come from: versions of reference data, with their history, and the sources that fed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.coverage.counting.ports import Store
from services.coverage.proof.ports import Passed, Proofs
from services.coverage.reference.domain.potentials import BASES, POTENTIALS, Children, Potentials, periods_in_force
from services.coverage.reference.domain.quota import QUOTAS, nearest
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex
from services.coverage.reference.domain.sources import SOURCES, silent_since
from services.coverage.reference.schemas import KINDS
from shared.regions.codes import NATION, lineage_of, local
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Origin:
    """A version of reference data that a figure rests on, with its fields as they are listed under its kind."""

    kind: str
    fields: dict[str, Any]
    recorded_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class PotentialPeriod:
    """What held from a day on; null: withdrawn. `breaks`: another definition than before, so not to be compared."""

    since: date
    breaks: bool
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class PotentialOrigin:
    """A denominator, whether it is summed from the children's, and what held before; nothing where it is summed."""

    basis: str
    value: int
    summed: bool
    source: str
    definition: str
    valid_from: date
    version: int
    history: tuple[PotentialPeriod, ...]


@dataclass(frozen=True, slots=True)
class SourceOrigin:
    """A source, its newest fact here, and since when it has been late by its cadence; null: it is not, or no one
    knows.
    """

    source: str
    name: str | None
    cadence_days: int | None
    fed_at: datetime | None
    silent_since: datetime | None


@dataclass(frozen=True, slots=True)
class LastVerify:
    """The last full proof of all counters: when it ended, whether all agreed, and up to which position of the nation.

    `with_topic`: with every change there ever was; else only with what was kept of them.
    """

    at: datetime
    agreed: bool
    differences: int
    position: int
    with_topic: bool


@dataclass(frozen=True, slots=True)
class Origins:
    """What the figures of a region rest on, as of a day and as known on another; sources, and the last proof of all
    counters, as they are now.
    """

    region: str
    as_of: date
    known_at: date | None
    potentials: tuple[PotentialOrigin, ...]
    reference: tuple[Origin, ...]
    sources: tuple[SourceOrigin, ...]
    last_verify: LastVerify | None


class Provenance:
    """Answers where a region's figures come from."""

    def __init__(self, book: ReferenceIndex, children: Children, store: Store, proofs: Proofs, clock: Clock) -> None:
        self._book = book
        self._potentials = Potentials(book, children)
        self._store = store
        self._proofs = proofs
        self._clock = clock

    def today(self, region: str) -> date:
        """Return the day that it is in the region."""
        return local(region, self._clock.now()).date()

    async def of(self, region: str, at: AsOf) -> Origins:
        """Return the origins of a region's figures."""
        figures = await self._store.figures([region], None)
        return Origins(
            region=region,
            as_of=at.day,
            known_at=at.known_at,
            potentials=tuple(self._denominators(region, at)),
            reference=tuple(_origin(row) for row in self._rows(region, at)),
            sources=tuple(self._sources(region, figures[region].tally.fed_at)),
            last_verify=_verified((await self._proofs.read()).last),
        )

    def _denominators(self, region: str, at: AsOf) -> Iterator[PotentialOrigin]:
        potentials = self._potentials.by_basis(region, at)
        for basis in BASES:
            history = tuple(
                PotentialPeriod(period.since, period.breaks, _origin(period.row) if period.row else None)
                for period in periods_in_force(self._book.rows(POTENTIALS, region, basis), at)
            )
            if basis in potentials:
                found = potentials[basis]
                yield PotentialOrigin(
                    basis, found.value, found.summed, found.source, found.definition, found.valid_from, found.version,
                    history,
                )  # fmt: skip

    def _rows(self, region: str, at: AsOf) -> Iterator[RecordedRow[Any]]:
        """Yield the rows in force of the region, and the quota of each group, whose row may stand above it."""
        for model in KINDS.values():
            if model.kind not in (POTENTIALS, QUOTAS, SOURCES):
                yield from self._book.all(model.kind, region, at).values()
        groups = {group for place in lineage_of(region) for group in self._book.all(QUOTAS, place, at)}
        for group in sorted(groups):
            row = nearest(self._book, region, group, at)
            if row is not None:
                yield row

    def _sources(self, region: str, fed_at: Mapping[str, datetime]) -> Iterator[SourceOrigin]:
        """Yield each source that fed the region; of the nation also those that are expected and never did."""
        now = self._clock.now()
        feeds = self._book.all(SOURCES, NATION, AsOf(self.today(NATION)))
        expected = feeds.keys() if region == NATION else ()
        for source in sorted({*fed_at, *expected}):
            feed = feeds[source].value if source in feeds else None
            yield SourceOrigin(
                source,
                feed.name if feed else None,
                feed.cadence_days if feed else None,
                fed_at.get(source),
                silent_since(feed, fed_at.get(source), now),
            )


def _verified(last: Passed | None) -> LastVerify | None:
    if last is None:
        return None
    return LastVerify(last.at, last.differences == 0, last.differences, last.position, last.with_topic)


def _origin(row: RecordedRow[Any]) -> Origin:
    kind = row.statement.kind.name
    return Origin(kind, KINDS[kind].listed(row.statement), row.recorded_at, row.version)
