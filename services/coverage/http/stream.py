"""Regions as server-sent events: first as they are, then each time one changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import format_sse_event

from services.coverage.http.places import UNKNOWN, InForce
from services.coverage.http.sight import REFUSALS, Sight, needs_token, sees_all
from services.coverage.reading.live import Document, Live
from services.coverage.reference.domain.potentials import Children
from shared.adapters.http_api import Bearer
from shared.regions.codes import level_of
from shared.runtime.auth import Caller

_EVENTS: Final = "text/event-stream"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events without end", "content": {_EVENTS: {"schema": {"type": "string"}}}},
    **REFUSALS,
    **UNKNOWN,
}
_NEVER_PUBLIC: Final = frozenset({"district", "village"})
Region = Annotated[str, Query(description="Kemendagri code, or ID; it and those directly below are followed")]

_QUIET_S: Final = 15
"""Beyond some half a minute without a byte, what lies between may take the connection for dead."""


def create_router(*, sight: Sight, live: Live, children: Children, in_force: InForce, bearer: Bearer) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter(prefix="/v1", tags=["regions"])

    @router.get("/stream", response_class=Response, responses=_ANSWERS)
    async def stream(region: Region, caller: Caller | None = bearer.optional) -> Response:
        """Send a `snapshot` of the region and of each directly below it, then those that change, at most once a second.

        After a break connect again: everything is sent as it is then. The `id` is region and position.
        """
        region = in_force(region)
        if not sees_all(caller) and level_of(region) in _NEVER_PUBLIC:
            raise needs_token(caller, "of districts and villages the public follows none")
        below = [c for c in children(region) if sees_all(caller) or level_of(c) not in _NEVER_PUBLIC]

        async def look() -> Sequence[Document]:
            documents: list[Document] = msgspec.to_builtins(await sight.snapshots(caller, [region, *below], None))
            return documents

        key = (region, sees_all(caller))
        # The first look is done here, where it can still be refused.
        await live.latest(key, look)
        # nginx would gather events into larger pieces.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(live.follow(key, look)), media_type=_EVENTS, headers=headers)

    return router


async def _events(seconds: AsyncIterator[list[Document]]) -> AsyncIterator[bytes]:
    """Yield what each second brought as events, and a comment where for long there was nothing."""
    quiet = 0
    async for documents in seconds:
        quiet = 0 if documents else quiet + 1
        if documents:
            yield b"".join(map(_event, documents))
        elif quiet % _QUIET_S == 0:
            yield format_sse_event(comment="still here")


def _event(document: Document) -> bytes:
    name = f"{document['region']}:{document['position']}"
    return format_sse_event(data_str=msgspec.json.encode(document).decode(), event="snapshot", id=name)
