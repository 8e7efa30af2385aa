"""Provenance over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.coverage.adapters.http_api import SCOPE, check_region, needs_token
from services.coverage.application.provenance import Origins, Provenance
from services.coverage.application.public import is_public
from services.coverage.domain.reference import AsOf
from shared.adapters.http_api import Bearer, Problem
from shared.adapters.openapi import problem
from shared.regions.catalogue import Catalogue
from shared.runtime.auth import Caller

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Origins},
    401: problem("No acceptable token, and the region is not public"),
    403: problem("The token lacks the scope, and the region is not public"),
    404: problem("No region has this code"),
}
AsOfDay = Annotated[date | None, Query(description="The day whose figures are asked about; today by default")]
KnownAt = Annotated[date | None, Query(description="Only what had been recorded by the end of this day (WIB)")]


def create_router(*, provenance: Provenance, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the route under /v1/regions that says where figures come from."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}/provenance", responses=_ANSWERS)
    async def get_provenance(
        code: str, as_of: AsOfDay = None, known_at: KnownAt = None, caller: Caller | None = bearer.optional
    ) -> Response:
        """Return versions and sources behind a region's figures; nothing in it is about people."""
        check_region(code, catalogue)
        if not is_public(code) and (caller is None or not caller.may(SCOPE)):
            raise needs_token(caller)
        day = as_of or provenance.today(code)
        if day > provenance.today(code):
            raise Problem(422, "as_of_in_future", "nothing is known of that day yet; ask for today or before")
        origins = await provenance.of(code, AsOf(day, known_at))
        return Response(msgspec.json.encode(origins), media_type="application/json")

    return router
