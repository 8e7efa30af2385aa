"""Reference data over HTTP, for each kind the same: a file in, the rows with their history out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.coverage.counting.ports import ReferenceStore
from services.coverage.reference.domain.reference import Row
from services.coverage.reference.kinds.table import KINDS
from services.coverage.reference.layouts import Layout
from services.coverage.reference.load import ReferenceImport, Report
from services.coverage.reference.openapi import page_of, request_of
from services.coverage.reference.tables import Read, UnreadableError, read_csv, read_json
from shared.adapters.http_answers import answer
from shared.adapters.http_api import Bearer, Problem, read_body
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_at, place_of
from shared.runtime.auth import Caller

READ_SCOPE: Final = "coverage:read"
WRITE_SCOPE: Final = "reference:write"
MAX_BYTES: Final = 32 * 1024 * 1024
"""All regions there are, each with a long source and definition."""
_ERRORS_SHOWN: Final = 200
"""Enough to correct a file by; `wrong` tells how many there are."""
_READERS: Final[dict[str, Read]] = {"text/csv": read_csv, "application/json": read_json}
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    413: problem("Over 32 MiB, unpacked"),
    415: problem("Neither CSV nor JSON, or a content coding other than gzip"),
    422: problem("Refused; `errors` names each row, its region and field, a code, what is wrong and what to do"),
}
DryRun = Annotated[bool, Query(description="Check the file and say what would be recorded; record nothing")]
OfRegion = Annotated[str | None, Query(description="Only what is stated of this region; sources are the nation's, ID")]


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken: its rows, and how many of the figures they state were news and are recorded."""

    rows: int
    recorded: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Tried:
    """A file that would be taken: its rows, and how many of the figures they state would be news. None is recorded."""

    rows: int
    would_record: int
    unchanged: int


def create_router(*, imports: ReferenceImport, reference: ReferenceStore, bearer: Bearer) -> APIRouter:
    """Return PUT and GET of every kind of reference data."""
    router = APIRouter(prefix="/v1", tags=["reference data"])
    for layout in KINDS.values():
        _add_put(router, layout, imports, bearer)
        _add_get(router, layout, reference, bearer)
    return router


def _add_put(router: APIRouter, layout: Layout[Any], imports: ReferenceImport, bearer: Bearer) -> None:
    @router.put(
        f"/{layout.kind.name}",
        summary=f"Put {layout.kind.name}",
        description=f"{layout.about} All rows are recorded, or none and a report of the wrong ones; nothing is "
        "overwritten.",
        response_model=Taken | Tried,
        responses=_REFUSALS,
        openapi_extra=request_of(layout),
    )
    async def put(
        request: Request, dry_run: DryRun = False, _caller: Caller = bearer.requires(WRITE_SCOPE)
    ) -> Taken | Tried:
        read = _reader(request)
        try:
            report = await imports.put(layout, await read_body(request, MAX_BYTES), read, dry_run=dry_run)
        except UnreadableError as error:
            raise Problem(422, "unreadable_file", str(error)) from error
        if report.errors:
            raise _refused(report)
        answer = Tried if dry_run else Taken
        return answer(report.rows, report.news, report.figures - report.news)


def _add_get(router: APIRouter, layout: Layout[Any], reference: ReferenceStore, bearer: Bearer) -> None:
    @router.get(
        f"/{layout.kind.name}",
        summary=f"Get {layout.kind.name}",
        description="Every row with its restatements, by region, series and version.",
        response_class=Response,
        responses={200: page_of(layout)},
    )
    async def get(
        request: Request, region: OfRegion = None, limit: Limit = 100, cursor: Cursor = None,
        _caller: Caller = bearer.requires(READ_SCOPE),
    ) -> Response:  # fmt: skip
        found = await reference.page(layout.kind.name, region, place_of(cursor), limit + 1)
        items = [_shown(layout, row) for _, row in found[:limit]]
        page = {"items": items, "next": cursor_at(found[limit - 1][0]) if len(found) > limit else None}
        return answer(request, page)


def _reader(request: Request) -> Read:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _READERS:
        raise Problem(415, "unsupported_media_type", f"send {' or '.join(_READERS)}, named in Content-Type")
    return _READERS[media_type]


def _refused(report: Report) -> Problem:
    wrong = len({error.row for error in report.errors})
    return Problem(
        422,
        "rows_refused",
        f"{wrong} rows are wrong and nothing was recorded; correct them and send the whole file again",
        wrong=wrong,
        errors=[asdict(error) for error in report.errors[:_ERRORS_SHOWN]],
    )


def _shown(layout: Layout[Any], row: Row[Any]) -> dict[str, Any]:
    return layout.shown(row.figure) | {"recorded_at": row.recorded_at, "version": row.version}
