"""Where figures come from: versions in force, their history, and sources with their silence."""

from __future__ import annotations

from datetime import date, timedelta

from services.coverage.proof.ports import Passed, Proof
from services.coverage.reading.provenance import LastVerify, Origins, Provenance
from services.coverage.reference.domain.potentials import POTENTIALS, Potentials
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from services.coverage.reference.domain.sources import SOURCES, Feed
from services.coverage.reference.schemas import AWARDED, AWARDS
from tests.factories_coverage import RECORDED_AT as FED_AT
from tests.factories_coverage import VILLAGE, joined
from tests.factories_reference import RECORDED_AT, SEPTEMBER, index_of, row, tree
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore
from tests.fakes_proof import MemoryProofs
from tests.unit.coverage.publishing.test_publisher import Replica

CHILDREN = tree(VILLAGE, "11.02.01.2001")
AT = AsOf(date(2026, 11, 21))
RESTATED = row(
    POTENTIALS, "11", "workers", 1_601_559, date(2025, 8, 1), version=2, definition="without construction",
    recorded_at=RECORDED_AT + timedelta(days=700),
)  # fmt: skip
FEED = row(SOURCES, "ID", "bpjs/aceh", Feed("BPJS Aceh", 7), SEPTEMBER, source="bpjs/aceh", definition="")
SILENT = row(SOURCES, "ID", "bpjs/bali", Feed("BPJS Bali", 30), SEPTEMBER, source="bpjs/bali", definition="")

PROVED = Proof(last=Passed(RECORDED_AT, 0, 1, with_topic=True))


async def origins(region: str, book: ReferenceIndex, at: AsOf = AT, days_later: int = 0) -> Origins:
    """Return the origins of a region's figures when a village was fed once, so many days ago."""
    store, clock = MemoryStore(), ManualClock()
    replica = Replica(store=store, clock=clock)
    await replica.take_up()
    await replica.apply(joined(1))
    clock.advance(timedelta(days=days_later))
    return await Provenance(book, Potentials(book, CHILDREN), store, MemoryProofs(PROVED), clock).of(region, at)


async def test_a_denominator_tells_its_versions_and_where_its_series_breaks() -> None:
    """Aceh's announced figure stands before the restated one, with the day it was recorded."""
    book = index_of(row(POTENTIALS, "11", "workers", 1_710_891), RESTATED)
    (workers,) = (await origins("11", book)).potentials
    assert (workers.value, workers.source, workers.version, workers.summed) == (1_601_559, "bps", 2, False)
    assert [(period.since, period.breaks) for period in workers.history] == [
        (SEPTEMBER, False), (date(2025, 8, 1), True),
    ]  # fmt: skip
    announced = workers.history[0].origin
    assert announced is not None
    assert (announced.fields["value"], announced.recorded_at) == (1_710_891, RECORDED_AT)
    (then,) = (await origins("11", book, AsOf(AT.day, known_at=date(2024, 1, 1)))).potentials
    assert (then.value, len(then.history)) == (1_710_891, 1)


async def test_a_summed_denominator_says_so() -> None:
    """It has no history of its own."""
    book = index_of(*(row(POTENTIALS, region, "workers", 5) for region in ("11.01", "11.02")))
    (workers,) = (await origins("11", book)).potentials
    assert (workers.value, workers.summed, workers.history) == (10, True, ())


async def test_all_that_holds_in_a_region_is_named_with_its_version() -> None:
    """A quota is named as it stands above, an award only where it was given."""
    book = index_of(
        row(QUOTAS, "11", "vulnerable", Quota("active", 100, ("desa",))),
        row(AWARDS, "11.01", "Kabupaten Peduli", AWARDED, version=3),
    )
    regency = (await origins("11.01", book)).reference
    assert [(origin.kind, origin.fields["region"], origin.version) for origin in regency] == [
        ("awards", "11.01", 3), ("quotas", "11", 1),
    ]  # fmt: skip
    assert [origin.kind for origin in (await origins(VILLAGE, book)).reference] == ["quotas"]
    assert (await origins("ID", book)).reference == ()


async def test_sources_that_fed_a_region_are_judged_by_their_cadence() -> None:
    """The nation also names those that are expected and never came; one without a cadence is never late."""
    book = index_of(FEED, SILENT)
    (aceh,) = (await origins("11", book, days_later=7)).sources
    assert (aceh.source, aceh.name, aceh.fed_at, aceh.silent_since) == ("bpjs/aceh", "BPJS Aceh", FED_AT, None)
    (aceh,) = (await origins("11", book, days_later=8)).sources
    assert aceh.silent_since == FED_AT + timedelta(days=7)
    nation = (await origins("ID", book)).sources
    assert [(source.source, source.fed_at) for source in nation] == [("bpjs/aceh", FED_AT), ("bpjs/bali", None)]
    (unknown,) = (await origins("11", index_of(), days_later=900)).sources
    assert (unknown.name, unknown.cadence_days, unknown.silent_since) == (None, None, None)


async def test_the_last_proof_is_told() -> None:
    """When, with what result, up to which position."""
    found = await origins("11", index_of())
    assert found.last_verify == LastVerify(RECORDED_AT, agreed=True, differences=0, position=1, with_topic=True)
