"""Regions as server-sent events: first each region as it is, then every change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from fastapi.sse import format_sse_event

from services.coverage.http.dependencies import UNKNOWN, Dependencies
from services.coverage.http.stream_limits import CountedStream, StreamLimits
from services.coverage.http.visibility import REFUSALS, Visibility, demand_territory, needs_token, sees_all
from services.coverage.public.viewer import is_public
from services.coverage.reading.live import Live
from services.coverage.reading.shown import PublicPlace, Shown
from shared.runtime.auth import Caller

_EVENTS: Final = "text/event-stream"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events", "content": {_EVENTS: {"schema": {"type": "string"}}}},
    **REFUSALS,
    **UNKNOWN,
}
Region = Annotated[str, Query(description="Kemendagri code, or ID; it and those directly below are followed")]

_QUIET_S: Final = 15
"""After about half a minute without a byte, a proxy may take the connection for dead."""


def create_router(*, visibility: Visibility, live: Live, depends: Dependencies, limits: StreamLimits) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter(prefix="/v1", tags=["regions"])

    @router.get("/stream", response_class=Response, responses=_ANSWERS)
    async def stream(request: Request, region: Region, caller: Caller | None = depends.bearer.optional) -> Response:
        """Send a `snapshot` of the region and of each directly below it, then those that change, at most once a second.

        After a break connect again: everything is sent as it is then. The `id` is region and position. The stream ends
        after some minutes, and when the token does.
        """
        limits.demand_room(request)
        region = depends.resolve_region(region)
        if not sees_all(caller) and not is_public(region):
            raise needs_token(caller, "of districts and villages the public follows none")
        demand_territory(caller, [region, *depends.catalogue.children(region)])
        below = [child for child in depends.catalogue.children(region) if sees_all(caller) or is_public(child)]

        async def read() -> Sequence[Shown]:
            return await visibility.regions(caller, [region, *below], None)

        key = (region, sees_all(caller))
        # The first read is done here, where the request can still be refused.
        await live.latest(key, read)
        # Without the second header nginx would gather events into larger pieces.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = _events(limits.within(request, live.follow(key, read)))
        return CountedStream(limits.share, events, media_type=_EVENTS, headers=headers)

    return router


async def _events(seconds: AsyncIterator[list[Shown]]) -> AsyncIterator[bytes]:
    """Yield the changes of each second as events, and a comment after many seconds without one."""
    quiet = 0
    async for regions in seconds:
        quiet = 0 if regions else quiet + 1
        if regions:
            yield b"".join(map(_event, regions))
        elif quiet % _QUIET_S == 0:
            yield format_sse_event(comment="still here")


def _event(shown: Shown) -> bytes:
    assert not isinstance(shown, PublicPlace), "the public follows no districts or villages"
    name = f"{shown.region}:{shown.position}"
    return format_sse_event(data_str=msgspec.json.encode(shown).decode(), event="snapshot", id=name)
