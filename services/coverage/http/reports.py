"""Reports over HTTP: files for Excel and for print, with the figures that the caller may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.coverage.http.dependencies import UNKNOWN, AsOfDay, Dependencies, KnownAt
from services.coverage.http.public import NO_RELEASE, PublicRoutes
from services.coverage.http.visibility import REFUSALS, Visibility, sees_all
from services.coverage.public.domain.release import Month
from services.coverage.reading.monev import sheet
from services.coverage.reading.sheet_files import CSV, XLSX, as_csv, as_xlsx
from services.coverage.reading.tables import Table
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import NATION
from shared.runtime.auth import Caller

Format = Literal["xlsx", "csv"]

_FILES: Final[dict[Format, tuple[str, Callable[[Table], bytes]]]] = {"xlsx": (XLSX, as_xlsx), "csv": (CSV, as_csv)}
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
    **NO_RELEASE,
}
Region = Annotated[str, Query(description="Kemendagri code, or ID; the sheet has it and those directly below")]
FileFormat = Annotated[Format, Query(alias="format", description="XLSX for Excel, CSV with dot decimals for all else")]


def create_router(*, visibility: Visibility, public: PublicRoutes, depends: Dependencies, public_url: str) -> APIRouter:
    """Return the routes under /v1/reports. `public_url` is where readers of a sheet find this service."""
    router = APIRouter(prefix="/v1/reports", tags=["reports"])

    def days(region: str, as_of: date | None, known_at: date | None) -> AsOf:
        """Return the day of the sheet: by default the end of the last month, known at the end of yesterday.

        Both days are over, so nothing is added to them any more.
        """
        depends.refuse_future(region, as_of, known_at)
        yesterday = depends.today(NATION) - timedelta(days=1)
        return AsOf(as_of or Month.of(depends.today(region)).before.last_day, known_at or yesterday)

    @router.get("/monev", response_class=Response, responses=_ANSWERS)
    async def get_monev(
        request: Request, region: Region, as_of: AsOfDay = None, known_at: KnownAt = None,
        file_format: FileFormat = "xlsx", caller: Caller | None = depends.bearer.optional,
    ) -> Response:  # fmt: skip
        """Return the monev sheet, in Indonesian; unless days are named, of the last month's end, known by yesterday.

        Without a token it is the sheet of a release.
        """
        region = depends.resolve_region(region)
        media_type, written = _FILES[file_format]
        if not sees_all(caller):
            asked_for = AsOf(as_of or date.min, known_at) if as_of or known_at else None
            return await public.monev(request, caller, region, asked_for, written, media_type, file_format)
        at = days(region, as_of, known_at)
        asked = {"region": region, "as_of": at.day, "known_at": at.known_at, "format": file_format}
        link = f"{public_url}/v1/reports/monev?{urlencode({name: day for name, day in asked.items() if day})}"
        name = f"monev-{region}-{at.day}.{file_format}"

        def file(regions: Sequence[Snapshot]) -> bytes:
            return written(sheet(regions, at, link))

        regions, headers = [region, *depends.catalogue.children(region)], f'attachment; filename="{name}"'
        return await visibility.answer(
            request, caller, regions, at, file, media_type=media_type, headers={"Content-Disposition": headers}
        )

    return router
