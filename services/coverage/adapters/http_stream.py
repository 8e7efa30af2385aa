"""Regions as server-sent events: first as they are, then each time one changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.coverage.adapters.http_api import check_region
from services.coverage.adapters.http_sight import Sight, sees_all
from services.coverage.application.live import Document, Live
from shared.adapters.http_api import Bearer
from shared.adapters.openapi import problem
from shared.regions.catalogue import Catalogue
from shared.regions.codes import level_of
from shared.runtime.auth import Caller

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: problem("No acceptable token, and the region is not public"),
    403: problem("The token lacks the scope, and the region is not public"),
    404: problem("No region has this code"),
}
_NEVER_PUBLIC: Final = frozenset({"district", "village"})
Region = Annotated[str, Query(description="Kemendagri code, or ID; it and those directly below are followed")]
Followed = AsyncIterator[Document]


def create_router(*, sight: Sight, live: Live, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter(prefix="/v1", tags=["regions"])

    async def followed(region: Region, caller: Caller | None = bearer.optional) -> Followed:
        """Return what is to be told; the first look is done here, where it can still be refused."""
        check_region(region, catalogue)
        below = [c for c in catalogue.children(region) if sees_all(caller) or level_of(c) not in _NEVER_PUBLIC]

        async def look() -> Sequence[Document]:
            documents: list[Document] = msgspec.to_builtins(await sight.snapshots(caller, [region, *below], None))
            return documents

        key = (region, sees_all(caller))
        await live.latest(key, look)
        return live.follow(key, look)

    @router.get("/stream", response_class=EventSourceResponse, responses=_REFUSALS)
    async def stream(documents: Followed = Depends(followed)) -> AsyncIterator[ServerSentEvent]:
        """Send a `snapshot` of the region and of each directly below it, then those that change, at most once a second.

        After a break connect again: everything is sent as it is then. The `id` is region and position.
        """
        async for document in documents:
            name = f"{document['region']}:{document['position']}"
            yield ServerSentEvent(event="snapshot", id=name, raw_data=msgspec.json.encode(document).decode())

    return router
