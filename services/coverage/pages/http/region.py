"""The page of a region: as it is now or was on a day for officials, of a release for the public."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.public import PublicRoutes
from services.coverage.http.regions import Filters, order_of, page_of
from services.coverage.pages import region as content
from services.coverage.pages import tables
from services.coverage.pages.earlier import Earlier
from services.coverage.pages.http.frame import File, Frame, InFormat, Place, page_route, reads
from services.coverage.pages.http.session import token_of
from services.coverage.pages.notifier import Alert, Notifier
from services.coverage.reading.derived import WORKERS
from services.coverage.reading.provenance import Provenance
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reading.sorting import Sort, filtered, ordered
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.paging import Cursor, codes_in
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import NATION, holds, level_of, local

ROWS: Final = 100
"""Rows of the children's table a page; most regions have fewer children."""
ALL_ROWS: Final = 1_000
"""More children than any region has."""
LIVE_AFTER: Final = timedelta(seconds=5)
"""A page comes with the panels of now; a cheap phone that still draws them need not take them a second time."""
_LATE: Final = timedelta(days=1)
"""A proof of all counters takes minutes to hours; one older than a day is late."""
_A_MONTH: Final = timedelta(days=30)

Basis = Literal["workers", "vulnerable", "village_officials"]
OfSort = Annotated[Sort | None, Query(description="As the API's")]
All = Annotated[Literal["0", "1"], Query(alias="semua", description="1: every row, for print")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the children a page shows."""

    sort: Sort | None
    filters: Filters
    cursor: str | None
    limit: int
    file: File


async def asked(
    sort: OfSort = None, filters: Filters = (), cursor: Cursor = None, every: All = "0", file: InFormat = "html"
) -> Asked:
    """Return which children a page shows, and in which order; a file has them all."""
    return Asked(sort, filters, cursor, ROWS if every == "0" and file == "html" else ALL_ROWS, file)


class RegionPages:
    """Makes the page of a region."""

    def __init__(
        self, frame: Frame, reader: SnapshotReader, public: PublicRoutes, provenance: Provenance, earlier: Earlier,
        notifier: Notifier,
    ) -> None:  # fmt: skip
        self._frame = frame
        self._reader = reader
        self._public = public
        self._provenance = provenance
        self._earlier = earlier
        self._notifier = notifier

    async def official(self, request: Request, place: Place, asked: Asked, basis: Basis) -> Response:
        """Answer with the page of a region as an official sees it."""
        region, at = place.region, place.at
        below = self._frame.depends.catalogue.children(region)
        if not reads(place.caller, below):
            below = ()
        sort, order = asked.sort or "-short", order_of(region, asked.sort or "-short", asked.filters)
        rest = codes_in(order, asked.cursor, below)
        panels, alerts = await asyncio.gather(self.panels(place, basis, below), self._alerts(request, place))
        regions = [panels["shown"], *panels["below"]]
        codes = rest or [one.region for one in ordered(filtered(regions[1:], asked.filters), sort)]
        page = page_of(regions, codes, order, asked.limit)
        listed = [one for one in page.items if isinstance(one, Snapshot)]
        mapped = regions[1:] if _has_map(region) else []
        leads = {one.region: content.lead(one, basis) for one in mapped or listed}
        rows = [(one, leads[one.region]) for one in listed]
        is_whole = len(rows) == len(below)
        if level_of(region) == "village":
            rows = [(regions[0], panels["lead"])]  # Its file has a row: its own.
        if asked.file != "html":
            made = tables.children(
                regions[0], rows, self._frame.notes(place, regions[0]), place.view.language, release=None,
                is_whole=is_whole,
            )  # fmt: skip
            return self._frame.file(request, place.view, made, asked.file, f"wilayah-{region}")
        return self._frame.answer(
            request, "region.html", place.view, at=at, **panels, alerts=alerts, shows_alerts=_hears(place),
            keep_alerts=False,
            crumbs=self._frame.crumbs(region),
            rows=rows, next=page.next, sort=sort, filters=asked.filters, is_whole=is_whole, release=None,
            mapped=[(one, leads[one.region]) for one in mapped],
            has_children=level_of(region) != "village", stream=self._stream(request, place, basis),
            stream_after=f"{LIVE_AFTER.total_seconds():g}s",
        )  # fmt: skip

    async def panels(self, place: Place, basis: Basis, below: Sequence[str]) -> dict[str, Any]:
        """Return what the panels of a region show, all figures of one point in time."""
        region, at = place.region, place.at
        shown, *children = await self._reader.snapshots([region, *below], at)
        sources = self._provenance.sources(region, await self._reader.fed_at(region) if at else shown.fed_at)
        verify = await self._provenance.last_verify()
        now = self._frame.depends.clock.now()
        return {
            "level": level_of(region),
            "panels": content.PANELS[level_of(region)],
            "shown": shown,
            "below": children,
            "lead": content.lead(shown, basis),
            "basis": basis,
            "due": content.due_table(shown.due) if shown.due else None,
            "due_below": content.due_below(children),
            "behind": content.behind(children),
            "fell": content.fell(children),
            "then": await self._then(shown, at),
            "moved": content.moved,
            "change": content.change,
            "now": now,
            "sources": sources,
            "silent": [one for one in sources if one.is_silent and at is None],
            "verify": verify,
            "verify_late": verify is None or now - verify.at > _LATE,
        }

    async def public(self, request: Request, place: Place, asked: Asked) -> Response:
        """Answer with the page of a region in a release."""
        region, sort = place.region, asked.sort or "code"
        page = await self._public.page(place.caller, region, place.at, sort, asked.filters, asked.limit, asked.cursor)
        level, rows = level_of(region), [(one, content.public_lead(one)) for one in page.items]
        is_whole = asked.cursor is None and page.next is None
        if level == "village":
            rows = [(page.region, content.public_lead(page.region))]
        if asked.file != "html":
            made = tables.children(
                page.region, rows, self._frame.notes(place, page.region, page.release), place.view.language,
                release=page.release, is_whole=is_whole,
            )  # fmt: skip
            name = f"wilayah-{region}-{page.release.month.last_day}"
            return self._frame.file(request, place.view, made, asked.file, name, place.at)
        mapped = await self._public.below(page.release, region) if _has_map(region) else []
        return self._frame.answer(
            request, "region.html", place.view, at=place.at, level=level, panels=content.PUBLIC_PANELS[level],
            shown=page.region, lead=content.public_lead(page.region), basis=WORKERS, release=page.release,
            crumbs=self._frame.crumbs(region), rows=rows, mapped=[(one, content.public_lead(one)) for one in mapped],
            next=page.next, sort=sort, filters=asked.filters, is_whole=is_whole,
            has_children=level != "village", stream=None, shows_alerts=False,
        )  # fmt: skip

    async def _then(self, shown: Snapshot, at: AsOf | None) -> Snapshot | None:
        """Return the region as it was on the day with which its officials compare it."""
        panels, day = content.PANELS[shown.level], at.day if at else local(shown.region, shown.as_of).date()
        known_at = at.known_at if at else None
        if "monev" in panels:
            return await self._earlier.of(shown.region, AsOf(content.last_monev(day), known_at))
        if "moved" in panels:
            return await self._earlier.of(shown.region, AsOf(day - _A_MONTH, known_at))
        return None

    async def _alerts(self, request: Request, place: Place) -> Sequence[Alert] | None:
        """Return the alerts that fire in the region and below; None where the notifier cannot be reached."""
        token = token_of(request)
        if token is None or not _hears(place):
            return ()
        return await self._notifier.alerts(token, place.region)

    def _stream(self, request: Request, place: Place, basis: Basis) -> str | None:
        """Return the address of the stream of this page, if it may have one."""
        if place.at is not None or request.headers.get("save-data", "").lower() == "on":
            return None
        return place.view.to("/langsung", region=place.region, basis=None if basis == WORKERS else basis)


def _has_map(region: str) -> bool:
    return level_of(region) in ("nation", "province")


def _hears(place: Place) -> bool:
    """Say whether the notifier shows the caller this region's alerts: those of the own region and below."""
    return place.caller is not None and holds(place.caller.region or NATION, place.region)


def create_router(frame: Frame, pages: RegionPages) -> APIRouter:
    """Return the routes of regions."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/")
    @router.get("/wilayah/{code}")
    async def show_region(
        request: Request, place: Place = Depends(frame.place), asked: Asked = Depends(asked), basis: Basis = WORKERS
    ) -> Response:
        """Show a region."""
        if reads(place.caller, [place.region]):
            return await pages.official(request, place, asked, basis)
        return await pages.public(request, place, asked)

    return router
