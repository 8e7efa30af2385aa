"""Provenance of figures over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.coverage.http.dependencies import MOVED, Dependencies
from services.coverage.http.visibility import REFUSALS, SCOPE, demand_all
from services.coverage.reading.provenance import Origins, Provenance
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer
from shared.runtime.auth import Caller


def create_router(*, provenance: Provenance, depends: Dependencies) -> APIRouter:
    """Return the route under /v1/regions that says where figures come from."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}/provenance", responses={200: {"model": Origins}, **REFUSALS, **MOVED})
    async def get_provenance(
        request: Request, region: str = Depends(depends.region), at: AsOf | None = Depends(depends.asked),
        caller: Caller = depends.bearer.requires(SCOPE),
    ) -> Response:  # fmt: skip
        """Return the versions and sources behind a region's figures; nothing in it is about people."""
        demand_all(caller, [region])
        # Its ETag is over the bytes: a source falls silent by the clock alone, under no version.
        return answer(request, await provenance.of(region, at or AsOf(depends.today(region))))

    return router
