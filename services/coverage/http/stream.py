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
from services.coverage.http.visibility import REFUSALS, SCOPE, demand_all
from services.coverage.reading.live import Live
from services.coverage.reading.snapshots import SnapshotReader
from shared.contracts.snapshots import Snapshot
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


def create_router(*, reader: SnapshotReader, live: Live, depends: Dependencies, limits: StreamLimits) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter(prefix="/v1", tags=["regions"])

    @router.get("/stream", response_class=Response, responses=_ANSWERS)
    async def stream(request: Request, region: Region, caller: Caller = depends.bearer.requires(SCOPE)) -> Response:
        """Send a `snapshot` of the region and of each directly below it, then those that change, at most once a second.

        After a break connect again: everything is sent as it is then. The `id` is region and position. The stream ends
        after some minutes, and when the token does.
        """
        limits.demand_room(request)
        region = depends.resolve_region(region)
        regions, key = [region, *depends.catalogue.children(region)], (region,)
        demand_all(caller, regions)

        async def read() -> Sequence[Snapshot]:
            return await reader.snapshots(regions)

        # The first read is done here, where the request can still be refused.
        await live.latest(key, read)
        # Without the second header nginx would gather events into larger pieces.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = _events(limits.within(request, live.follow(key, read)))
        return CountedStream(limits.share, events, media_type=_EVENTS, headers=headers)

    return router


async def _events(seconds: AsyncIterator[list[Snapshot]]) -> AsyncIterator[bytes]:
    """Yield the changes of each second as events, and a comment after many seconds without one."""
    quiet = 0
    async for regions in seconds:
        quiet = 0 if regions else quiet + 1
        if regions:
            yield b"".join(map(_event, regions))
        elif quiet % _QUIET_S == 0:
            yield format_sse_event(comment="still here")


def _event(shown: Snapshot) -> bytes:
    name = f"{shown.region}:{shown.position}"
    return format_sse_event(data_str=msgspec.json.encode(shown).decode(), event="snapshot", id=name)
