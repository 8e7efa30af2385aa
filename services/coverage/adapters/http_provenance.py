"""Provenance over HTTP."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import Response

from services.coverage.adapters.http_api import check_region
from services.coverage.adapters.http_days import Asked
from services.coverage.adapters.http_sight import needs_token, sees_all
from services.coverage.application.provenance import Origins, Provenance
from services.coverage.application.public import is_public
from services.coverage.domain.reference import AsOf
from shared.adapters.http_api import Bearer
from shared.adapters.openapi import problem
from shared.regions.catalogue import Catalogue
from shared.runtime.auth import Caller

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Origins},
    401: problem("No acceptable token, and the region is not public"),
    403: problem("The token lacks the scope, and the region is not public"),
    404: problem("No region has this code"),
}


def create_router(*, provenance: Provenance, asked: Asked, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the route under /v1/regions that says where figures come from."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}/provenance", responses=_ANSWERS)
    async def get_provenance(
        code: str, at: AsOf | None = Depends(asked), caller: Caller | None = bearer.optional
    ) -> Response:
        """Return versions and sources behind a region's figures; nothing in it is about people."""
        check_region(code, catalogue)
        if not is_public(code) and not sees_all(caller):
            raise needs_token(caller, "where figures come from is shown of nation, provinces and regencies")
        origins = await provenance.of(code, at or AsOf(provenance.today(code)))
        return Response(msgspec.json.encode(origins), media_type="application/json")

    return router
