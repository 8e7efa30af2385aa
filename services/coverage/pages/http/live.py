"""The stream of a region's page: its panels as HTML, for officials, whenever a figure in them changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from fastapi.sse import format_sse_event

from services.coverage.http.stream_limits import CountedStream, StreamLimits
from services.coverage.http.visibility import demand_all
from services.coverage.pages.http.frame import PRIVATE, Frame, Place, page_route, reads
from services.coverage.pages.http.region import Basis, RegionPages
from services.coverage.pages.view import View
from services.coverage.reading.derived import WORKERS
from shared.contracts.snapshots import Snapshot

EVERY: Final = timedelta(seconds=5)
"""Between two events (pages.md): nobody reads faster, and each costs a phone's battery."""
_SPOKEN_EVERY: Final = timedelta(minutes=1)
"""A screen reader is told no more often."""
_QUIET_EVENTS: Final = 3
"""After so many times without an event a comment is sent: a proxy may take a silent connection for dead."""
_KEPT: Final = 500
"""Regions whose panels are kept between two events."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The panels of a region at a time, and the snapshot in them."""

    at: datetime
    panels: bytes
    shown: Snapshot


@dataclass(slots=True)
class _Kept:
    last: Rendered | None = None
    making: asyncio.Lock = field(default_factory=asyncio.Lock)


class LivePanels:
    """Renders the panels of regions; all who look at one share what was rendered in the last 5 seconds."""

    def __init__(self, frame: Frame, pages: RegionPages) -> None:
        self._frame = frame
        self._pages = pages
        self._kept: dict[tuple[object, ...], _Kept] = {}

    async def of(self, place: Place, basis: Basis) -> Rendered:
        """Return the panels of the region as they are now, or were 5 seconds ago."""
        below = self._frame.depends.catalogue.children(place.region)
        below = below if reads(place.caller, below) else ()
        key = (place.region, place.view.language, basis, bool(below))
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        kept = self._kept.setdefault(key, _Kept())
        async with kept.making:
            now = self._frame.depends.clock.now()
            if kept.last is None or now - kept.last.at >= EVERY:
                found = await self._pages.panels(place, basis, below)
                # The alerts are another service's: the page keeps those that it came with.
                panels = self._frame.fragment(
                    "panels.html", place.view, **found, release=None, shows_alerts=True, alerts=None, keep_alerts=True
                )
                kept.last = Rendered(now, panels, found["shown"])
        return kept.last


def create_router(frame: Frame, panels: LivePanels, limits: StreamLimits) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/langsung")
    async def stream(
        request: Request, region: str = Query(), view: View = Depends(frame.view), basis: Basis = WORKERS
    ) -> Response:
        """Send the panels of a region, then again after each change; it ends when the token does."""
        limits.demand_room(request)
        region = frame.depends.resolve_region(region)
        place = Place(region, None, _view_of(view, region))
        demand_all(view.caller, [place.region])
        # The first is made here, where the request can still be refused.
        await panels.of(place, basis)
        events = _events(frame, panels, place, basis, limits.within(request, _ticks()))
        headers = {"Cache-Control": PRIVATE, "X-Accel-Buffering": "no"}
        return CountedStream(limits.share, events, media_type="text/event-stream", headers=headers)

    return router


def _view_of(view: View, region: str) -> View:
    """Return the view with which the page of the region, as of now, is rendered: links in it name no other query."""
    return View(view.language, view.region(region), {}, view.caller, None, view.base)


async def _ticks() -> AsyncIterator[None]:
    while True:
        yield None
        await asyncio.sleep(EVERY.total_seconds())


async def _events(
    frame: Frame, panels: LivePanels, place: Place, basis: Basis, ticks: AsyncIterator[None]
) -> AsyncIterator[bytes]:
    """Yield an event where the panels differ from those sent last, and a comment after a while without one."""
    sent, quiet = b"", 0
    spoken: Spoken | None = None
    async for _ in ticks:
        now = await panels.of(place, basis)
        quiet = 0 if now.panels != sent else quiet + 1
        spoken = spoken or Spoken(now.shown.active, now.at)
        if now.panels != sent:
            sent = now.panels
            parts: dict[str, Any] = {"panels": now.panels.decode(), "shown": now.shown, "change": spoken.due(now)}
            yield format_sse_event(data_str=frame.fragment("live.html", place.view, **parts).decode())
        elif quiet % _QUIET_EVENTS == 0:
            yield format_sse_event(comment="still here")


@dataclass(slots=True)
class Spoken:
    """The number that a screen reader was told last, or that the page came with, and when."""

    active: int
    at: datetime

    def due(self, now: Rendered) -> int | None:
        """Return the change to be told now, and note it; None: nothing changed, or a minute is not over."""
        change = now.shown.active - self.active
        if not change or now.at - self.at < _SPOKEN_EVERY:
            return None
        self.active, self.at = now.shown.active, now.at
        return change
