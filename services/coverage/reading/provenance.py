"""Where a region's figures come from: versions of reference data and their history, and the sources of facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from services.coverage.counting.ports import Store
from services.coverage.proof.ports import Proofs
from services.coverage.reading.derived import summed_up
from services.coverage.reference.domain.potentials import BASES, POTENTIALS, Potentials, periods_in_force
from services.coverage.reference.domain.quota import QUOTAS, nearest
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex
from services.coverage.reference.domain.sources import SOURCES, Feed, silent_since
from services.coverage.reference.schemas import KINDS
from shared.regions.codes import NATION, lineage_of, local
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Origin:
    """A version of reference data behind a figure, with its fields as the list of its kind shows them."""

    kind: str
    fields: dict[str, Any]
    recorded_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class PotentialPeriod:
    """The figure from a day on; null: withdrawn. `breaks`: the definition changed, so it cannot be compared."""

    since: date
    breaks: bool
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class PotentialOrigin:
    """A denominator, whether it is the sum of the children's, and its history, which is empty for a sum."""

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
    """A source, its newest fact here, and since when it is late by its cadence; null: not late, or not known."""

    source: str
    name: str | None
    cadence_days: int | None
    fed_at: datetime | None
    silent_since: datetime | None

    @property
    def is_silent(self) -> bool:
        """Whether it is late, or is expected and has never sent anything."""
        return self.silent_since is not None or (self.fed_at is None and self.cadence_days is not None)


@dataclass(frozen=True, slots=True)
class LastVerify:
    """The last full proof of all counters: when it ended, whether all agreed, and the nation's position then.

    `with_topic`: compared with every change on the topic; otherwise with the pages alone.
    """

    at: datetime
    agreed: bool
    differences: int
    position: int
    with_topic: bool


@dataclass(frozen=True, slots=True)
class Origins:
    """What a region's figures rest on, as of and known at a day. Sources and the last proof are of the present."""

    region: str
    as_of: date
    known_at: date | None
    potentials: tuple[PotentialOrigin, ...]
    reference: tuple[Origin, ...]
    sources: tuple[SourceOrigin, ...]
    last_verify: LastVerify | None


class Provenance:
    """Finds where a region's figures come from."""

    def __init__(
        self, reference: ReferenceIndex, potentials: Potentials, store: Store, proofs: Proofs, clock: Clock
    ) -> None:
        self._reference = reference
        self._potentials = potentials
        self._store = store
        self._proofs = proofs
        self._clock = clock

    async def of(self, region: str, at: AsOf) -> Origins:
        """Return the origins of a region's figures."""
        figures = await self._store.figures([region], None)
        await summed_up(self._potentials, [(region, at)])
        return Origins(
            region=region,
            as_of=at.day,
            known_at=at.known_at,
            potentials=tuple(self._denominators(region, at)),
            reference=tuple(_origin(row) for row in self._rows(region, at)),
            sources=self.sources(region, figures[region].tally.fed_at),
            last_verify=await self.last_verify(),
        )

    async def last_verify(self) -> LastVerify | None:
        """Return the last full proof of all counters, or None if there has been none."""
        last = (await self._proofs.read()).last
        return LastVerify(agreed=last.differences == 0, **asdict(last)) if last else None

    def sources(self, region: str, fed_at: Mapping[str, datetime]) -> tuple[SourceOrigin, ...]:
        """Return each source that fed the region, with its newest fact; of the nation also those that never did."""
        now = self._clock.now()
        feeds = self._reference.all(SOURCES, NATION, AsOf(local(NATION, now).date()))
        expected = feeds.keys() if region == NATION else ()
        return tuple(_source(one, feeds.get(one), fed_at.get(one), now) for one in sorted({*fed_at, *expected}))

    def _denominators(self, region: str, at: AsOf) -> Iterator[PotentialOrigin]:
        potentials = self._potentials.by_basis(region, at)
        for basis in BASES:
            if basis in potentials:
                periods = periods_in_force(self._reference.rows(POTENTIALS, region, basis), at)
                history = tuple(
                    PotentialPeriod(since, breaks, _origin(row) if row else None) for since, row, breaks in periods
                )
                yield PotentialOrigin(basis=basis, history=history, **asdict(potentials[basis]))

    def _rows(self, region: str, at: AsOf) -> Iterator[RecordedRow[Any]]:
        """Yield the region's rows in force, and the quota of each group, whose row may be set on a region above."""
        for layout in KINDS.values():
            if layout.kind not in (POTENTIALS, QUOTAS, SOURCES):
                yield from self._reference.all(layout.kind, region, at).values()
        groups = {group for place in lineage_of(region) for group in self._reference.all(QUOTAS, place, at)}
        for group in sorted(groups):
            if (row := nearest(self._reference, region, group, at)) is not None:
                yield row


def _source(source: str, row: RecordedRow[Feed] | None, newest: datetime | None, now: datetime) -> SourceOrigin:
    feed = row.value if row else None
    name, cadence_days = (feed.name, feed.cadence_days) if feed else (None, None)
    return SourceOrigin(source, name, cadence_days, newest, silent_since(feed, newest, now))


def _origin(row: RecordedRow[Any]) -> Origin:
    kind = row.statement.kind.name
    return Origin(kind, KINDS[kind].listed(row.statement), row.recorded_at, row.version)
