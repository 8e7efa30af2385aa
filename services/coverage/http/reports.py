"""Reports over HTTP: files for Excel and for print, as their reader may see the regions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.coverage.http.days import AsOfDay, KnownAt, refuse_future
from services.coverage.http.places import UNKNOWN, InForce
from services.coverage.http.sight import REFUSALS, Sight, sees_all
from services.coverage.public.domain.month_ends import last_month_end
from services.coverage.reading.monev import Sheet, sheet
from services.coverage.reading.sheet_files import CSV, XLSX, as_csv, as_xlsx
from services.coverage.reference.domain.potentials import Children
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer
from shared.adapters.http_api import Bearer
from shared.regions.codes import NATION, local
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

Format = Literal["xlsx", "csv"]

_FILES: Final[dict[Format, tuple[str, Callable[[Sheet], bytes]]]] = {"xlsx": (XLSX, as_xlsx), "csv": (CSV, as_csv)}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The sheet; the same days give the same file",
        "content": {
            XLSX: {"schema": {"type": "string", "format": "binary"}},
            CSV.partition(";")[0]: {"schema": {"type": "string"}},
        },
    },
    **REFUSALS,
    **UNKNOWN,
}
Region = Annotated[str, Query(description="Kemendagri code, or ID; the sheet has it and those directly below")]
FileFormat = Annotated[Format, Query(alias="format", description="XLSX for Excel, CSV with dot decimals for all else")]


def create_router(*, sight: Sight, children: Children, in_force: InForce, clock: Clock, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1/reports."""
    router = APIRouter(prefix="/v1/reports", tags=["reports"])

    def days(region: str, as_of: date | None, known_at: date | None, caller: Caller | None) -> AsOf:
        """Return the day of the sheet: if none is named the last month's end, known by yesterday's end.

        Both are over, so that nothing is added to them any more. The public's sheet is known as of now: below the
        regency what was known on two days would tell of few people.
        """
        now = clock.now()
        today, recorded_today = local(region, now).date(), local(NATION, now).date()
        refuse_future("as_of", as_of, today)
        refuse_future("known_at", known_at, recorded_today)
        yesterday = recorded_today - timedelta(days=1) if sees_all(caller) else None
        return AsOf(as_of or last_month_end(today), known_at or yesterday)

    @router.get("/monev", response_class=Response, responses=_ANSWERS)
    async def get_monev(
        request: Request, region: Region, as_of: AsOfDay = None, known_at: KnownAt = None,
        file_format: FileFormat = "xlsx", caller: Caller | None = bearer.optional,
    ) -> Response:  # fmt: skip
        """Return the monev sheet, in Indonesian; unless days are named, of the last month's end, known by yesterday."""
        region = in_force(region)
        at = days(region, as_of, known_at, caller)
        documents = msgspec.to_builtins(await sight.snapshots(caller, [region, *children(region)], at))
        named = {"as_of": at.day} | ({"known_at": at.known_at} if at.known_at else {})
        link = str(request.url.include_query_params(region=region, **named))
        media_type, written = _FILES[file_format]
        name = f"monev-{region}-{at.day}.{file_format}"
        return answer(
            request,
            written(sheet(documents, at, link)),
            media_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return router
