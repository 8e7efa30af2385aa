"""Coverage's pages without servers: a small nation with everything that a page shows, on stores in memory.

Tanah Bumbu (63.10) has a quota with villages that pass, miss and have nobody; a budget that ends; a broken Desa Sadar;
a silent feed; people whom no village is known of. Aceh (11) has people and no potential. October 2026 was released.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
from fastapi import Depends, FastAPI

from services.coverage.http.dependencies import Dependencies
from services.coverage.http.public import PublicRoutes
from services.coverage.http.search import SearchQueue
from services.coverage.http.stream_limits import StreamLimits
from services.coverage.pages.http.add import PageParts, add_pages
from services.coverage.pages.http.session import COOKIE
from services.coverage.pages.http.sign_in import SignIn
from services.coverage.pages.notifier import Notifier
from services.coverage.proof.ports import Passed, Proof
from services.coverage.public.domain.release import Month
from services.coverage.public.making import NoProgressBar, Parts, ReleaseMaker
from services.coverage.reading.boards import Boards
from services.coverage.reading.due import DueReader
from services.coverage.reading.provenance import Provenance
from services.coverage.reading.series import Series
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS, Potentials
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import ReferenceIndex, Statement
from services.coverage.reference.domain.sources import SOURCES, Feed
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.adapters.http_api import Bearer
from shared.adapters.http_headers import SafeHeaders
from shared.adapters.http_query import refuse_unknown_parameters
from shared.adapters.http_shares import Share
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.regions.search import RegionSearch
from shared.regions.successors import Homes, table
from shared.runtime.auth import TokenVerifier
from tests.factories_coverage import change, state
from tests.factories_reference import tree
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryReference, MemoryReleases, MemoryStore, reader_of
from tests.fakes_proof import MemoryProofs
from tests.tokens import AUDIENCE, ISSUER, Issuer
from tests.unit.coverage.publishing.test_publisher import Replica

NOW: Final = datetime(2026, 11, 21, 6, 2, tzinfo=UTC)
BASE: Final = "http://pages.test"
REGENCY: Final = "63.10"
DISTRICT: Final = "63.10.02"
PASSING, SHORT, EMPTY = "63.10.02.2002", "63.10.02.2003", "63.10.02.2004"
ACEH: Final = "11.01.02.2003"
OCTOBER: Final = "2026-10-31"
SINCE: Final = date(2023, 1, 1)
PUBLISHED: Final = tree(PASSING, SHORT, EMPTY, ACEH, "63.10.03.2001", "63.01.01.2001")


def people() -> Iterator[Change]:
    """Yield everything that happened, numbered by partition."""
    numbers: Counter[str] = Counter()

    def some(count: int, region: str, day: date, kind: str = "joined", **over: Any) -> Iterator[Change]:
        for _ in range(count):
            regency = region[:5]
            yield change(
                numbers[regency], kind, effective_day=day, source="bpjs/kalsel",
                effective_at=_noon(day), recorded_at=_noon(day),
                **{"after": state(region, **over)} if kind == "joined" else over,
            )  # fmt: skip
            numbers[regency] += 1

    june, october, november = date(2026, 5, 4), date(2026, 10, 5), date(2026, 11, 10)
    budget: dict[str, Any] = {"payer": "apbd_regency", "groups": ("vulnerable",), "lapses_on": date(2026, 12, 1)}
    yield from some(103, PASSING, june, groups=("vulnerable",))
    yield from some(28, PASSING, october, groups=("vulnerable",))
    yield from some(48, SHORT, june, groups=("vulnerable",))
    yield from some(40, SHORT, october, **budget)
    yield from some(5, PASSING, june, segment="PU", payer="employer", groups=("village_official",))
    yield from some(12, DISTRICT, june)
    yield from some(20, "63.10.03.2001", june)
    yield from some(30, "63.01.01.2001", june)
    yield from some(15, ACEH, october)
    before = state("63.10.03.2001")
    after = state("63.10.03.2001", active=False)
    yield from some(4, "63.10.03.2001", november, "lapsed", before=before, after=after)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def statements() -> list[Statement[Any]]:
    """Return the reference data."""
    path = TargetPath((PathPoint(date(2025, 12, 31), Decimal("0.38")), PathPoint(date(2026, 12, 31), Decimal("0.42"))))

    def of(kind: Any, region: str, series: str, value: Any, since: date = SINCE) -> Statement[Any]:
        return Statement(kind, region, series, since, value, "bps/sakernas", "semua yang bekerja")

    return [
        of(POTENTIALS, "ID", "workers", 4_000), of(POTENTIALS, "63", "workers", 1_200),
        of(POTENTIALS, REGENCY, "workers", 640), of(POTENTIALS, PASSING, "workers", 300),
        of(POTENTIALS, DISTRICT, "workers", 560), of(POTENTIALS, PASSING, "village_officials", 6),
        of(TARGETS, "ID", "workers active", path), of(TARGETS, "63", "workers active", path),
        of(TARGETS, REGENCY, "workers active", path),
        of(QUOTAS, REGENCY, "vulnerable", Quota("active", 100, ("desa",))),
        of(DESIGNATIONS, PASSING, "designated", 1, date(2026, 3, 1)),
        of(DESIGNATIONS, "ID", "quota", 198, date(2026, 1, 1)),
        Statement(SOURCES, "ID", "bpjs/kalsel", SINCE, Feed("BPJS Kalsel", 7), "bpjs/kalsel", ""),
    ]  # fmt: skip


@dataclass
class PagesWorld:
    """The pages, and hands to ask for them as the public or as somebody."""

    http: httpx.AsyncClient
    issuer: Issuer
    clock: ManualClock
    store: MemoryStore
    releases: MemoryReleases
    api: FastAPI
    proofs: MemoryProofs = field(default_factory=MemoryProofs)

    def token(self, region: str | None = None, role: str | None = None, **claims: Any) -> str:
        """Return the token of an official, or of an operator."""
        who: dict[str, Any] = {"sub": role or "operator", "scope": "coverage:read alerts:ack"}
        return self.issuer.token(**who | {"role": role or ..., "region": region or ...} | claims)

    async def get(self, path: str, token: str | None = None, **headers: str) -> httpx.Response:
        """Ask for a page as a browser does."""
        cookie = {"cookie": f"{COOKIE}={token}"} if token else {}
        return await self.http.get(path, headers={"accept": "text/html"} | cookie | headers)

    async def page(self, path: str, token: str | None = None) -> str:
        """Return the HTML of a page that is there."""
        response = await self.get(path, token)
        assert response.status_code == 200, response.text
        return response.text


@asynccontextmanager
async def pages_world(
    base: str = BASE, notifier: str = "http://127.0.0.1:1", sign_in: SignIn | None = None,
    happened: Iterable[Change] | None = None, releases: MemoryReleases | None = None,
    said: Iterable[Statement[Any]] | None = None,
) -> AsyncIterator[PagesWorld]:  # fmt: skip
    """Give the pages of the small nation; or of other people or reference data, or with releases made already."""
    clock, store, reference, book = ManualClock(NOW), MemoryStore(), MemoryReference(), ReferenceIndex()
    book.add(await reference.add(statements() if said is None else list(said), NOW - timedelta(days=300)))
    replica = Replica(store=store, clock=clock)
    await replica.take_up()
    made: dict[str, list[Change]] = {}
    for one in people() if happened is None else happened:
        place = one.after or one.before
        assert place is not None
        made.setdefault(place.region[:5], []).append(one)
    for regency, changes in made.items():
        await replica.apply(changes, regency)
    regions = catalogue()
    if releases is None:
        releases = MemoryReleases()
        parts = Parts(store, reference, releases, PUBLISHED, regions.name, clock)
        await ReleaseMaker(parts, NoProgressBar()).make(Month(2026, 10))
    issuer = Issuer(clock)
    verifier = TokenVerifier(issuer.keys, ISSUER, AUDIENCE, clock)
    bearer = Bearer(verifier)
    proofs = MemoryProofs(Proof(last=Passed(NOW - timedelta(minutes=7), 0, 1, with_topic=True)))
    reader = reader_of(store, book, regions.children, clock, regions.name)
    potentials = Potentials(book, regions.children)
    api, asked = FastAPI(dependencies=[Depends(refuse_unknown_parameters)]), Notifier(notifier)
    api.add_middleware(SafeHeaders)
    add_pages(
        api,
        PageParts(
            depends=Dependencies(regions, Homes(regions, table()), clock, bearer),
            public=PublicRoutes(releases, base),
            reader=reader,
            provenance=Provenance(book, potentials, store, proofs, clock),
            notifier=asked,
            series=Series(store, potentials),
            boards=Boards(book, regions.children, store),
            due=DueReader(store, regions.children, clock),
            search=SearchQueue(lambda: RegionSearch(regions.name, regions.children)),
            limits=StreamLimits(Share(50), timedelta(minutes=15), clock, bearer),
            sign_in=sign_in or SignIn(),
        ),
        base,
    )
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        yield PagesWorld(http, issuer, clock, store, releases, api, proofs)
    await asked.close()
