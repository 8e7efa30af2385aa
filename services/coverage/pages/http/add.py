"""Adds the pages to coverage's application."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from services.coverage.http.dependencies import Dependencies
from services.coverage.http.public import PublicRoutes
from services.coverage.http.search import SearchQueue
from services.coverage.http.stream_limits import StreamLimits
from services.coverage.pages.earlier import Earlier
from services.coverage.pages.http import (
    alerts,
    designations,
    due,
    find,
    live,
    past,
    quota,
    region,
    sign_in,
    static_files,
)
from services.coverage.pages.http.designations import DesignationPages
from services.coverage.pages.http.frame import Frame, not_found, refusal_at_the_door
from services.coverage.pages.http.live import LivePanels
from services.coverage.pages.http.past import PastPages
from services.coverage.pages.http.quota import QuotaPages
from services.coverage.pages.http.region import RegionPages
from services.coverage.pages.http.session import TokenFromCookie, has_token
from services.coverage.pages.http.sign_in import SignIn
from services.coverage.pages.notifier import Notifier
from services.coverage.reading.boards import Boards
from services.coverage.reading.due import DueReader
from services.coverage.reading.provenance import Provenance
from services.coverage.reading.series import Series
from services.coverage.reading.snapshots import SnapshotReader
from shared.adapters.http_shares import Door


@dataclass(frozen=True)
class PageParts:
    """What pages are made from: the use cases of the API's routes, the notifier, and the ways to sign in."""

    depends: Dependencies
    public: PublicRoutes
    reader: SnapshotReader
    provenance: Provenance
    series: Series
    boards: Boards
    due: DueReader
    search: SearchQueue
    limits: StreamLimits
    notifier: Notifier
    sign_in: SignIn


def add_pages(api: FastAPI, parts: PageParts, public_url: str) -> None:
    """Serve the pages; `public_url` is where readers find them."""
    frame = Frame(parts.depends, public_url)
    earlier = Earlier(parts.reader, parts.depends.clock)
    regions = RegionPages(frame, parts.reader, parts.public, parts.provenance, earlier, parts.notifier)
    looking_back = PastPages(frame, parts.reader, parts.public, parts.series, parts.provenance)
    for router in (
        static_files.create_router(),
        region.create_router(frame, regions),
        quota.create_router(frame, QuotaPages(frame, parts.reader, parts.public, parts.boards)),
        designations.create_router(frame, DesignationPages(frame, parts.reader, parts.public, parts.boards)),
        due.create_router(frame, parts.reader, parts.due),
        past.create_router(frame, looking_back),
        find.create_router(frame, parts.search),
        alerts.create_router(frame, parts.notifier),
        sign_in.create_router(frame, parts.sign_in),
        live.create_router(frame, LivePanels(frame, regions), parts.limits),
    ):
        api.include_router(router)
    api.add_exception_handler(404, not_found(frame))
    api.add_middleware(TokenFromCookie)
    api.state.door = Door(has_token, refusal_at_the_door(frame))
