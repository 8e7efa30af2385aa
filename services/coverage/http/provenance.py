"""Provenance over HTTP."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.coverage.http.days import Asked
from services.coverage.http.places import MOVED, Placed
from services.coverage.http.sight import REFUSALS, needs_token, sees_all
from services.coverage.public.viewer import is_public
from services.coverage.reading.provenance import Origins, Provenance
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer
from shared.adapters.http_api import Bearer
from shared.runtime.auth import Caller

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Origins},
    **REFUSALS,
    **MOVED,
}


def create_router(*, provenance: Provenance, placed: Placed, asked: Asked, bearer: Bearer) -> APIRouter:
    """Return the route under /v1/regions that says where figures come from."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}/provenance", responses=_ANSWERS)
    async def get_provenance(
        request: Request, region: str = Depends(placed), at: AsOf | None = Depends(asked),
        caller: Caller | None = bearer.optional,
    ) -> Response:  # fmt: skip
        """Return versions and sources behind a region's figures; nothing in it is about people."""
        if not is_public(region) and not sees_all(caller):
            raise needs_token(caller, "where figures come from is shown of nation, provinces and regencies")
        origins = await provenance.of(region, at or AsOf(provenance.today(region)))
        return answer(request, origins)

    return router
