"""Reference data over HTTP, the same for every kind: PUT loads a file, GET lists the rows with their versions."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from inspect import getdoc
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.coverage.http.dependencies import UNKNOWN
from services.coverage.reference.load import MAX_ROWS, Format, LoadReport, ReferenceImport, check
from services.coverage.reference.ports import ReferenceStore
from services.coverage.reference.schemas import KINDS, FileRow
from shared.adapters.body_limits import LineLimit, ObjectLimit
from shared.adapters.csv_rows import UnreadableFileError
from shared.adapters.http_answers import answer
from shared.adapters.http_api import Bearer, read_body
from shared.adapters.http_problem import Problem
from shared.adapters.http_regions import region_in_force
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_in, place_in
from shared.adapters.territory import demand_readable, demand_within
from shared.regions.codes import NATION
from shared.regions.successors import Homes
from shared.runtime.auth import Caller

READ_SCOPE: Final = "coverage:read"
WRITE_SCOPE: Final = "reference:write"
MAX_BYTES: Final = 32 * 1024 * 1024
"""A row for every region there is, each with a long source and definition."""
_ERRORS_SHOWN: Final = 200
"""Enough to correct a file by. `wrong` gives the number of all wrong rows."""
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    413: problem("Over 32 MiB, unpacked, or over 100,000 rows"),
    415: problem("Neither CSV nor JSON, or a content coding other than gzip"),
    422: problem("Refused; `errors` names each row, its region and field, a code, what is wrong and what to do"),
}
_VERSIONED: Final = {
    "recorded_at": {"type": "string", "format": "date-time"},
    "version": {"type": "integer", "minimum": 1, "description": "of its region and series, from 1"},
}
DryRun = Annotated[bool, Query(description="Check the file and say what would be recorded; record nothing")]
OfRegion = Annotated[
    str | None,
    Query(description="Only rows of this region; sources belong to the nation, ID. An official names one to read"),
]


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken: its rows, and how many of their statements were new and are recorded."""

    rows: int
    recorded: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Tried:
    """A file that would be taken: its rows, and how many of their statements are new. None is recorded."""

    rows: int
    would_record: int
    unchanged: int


def create_router(*, imports: ReferenceImport, reference: ReferenceStore, homes: Homes, bearer: Bearer) -> APIRouter:
    """Return PUT and GET of every kind of reference data."""
    router = APIRouter(prefix="/v1", tags=["reference data"])
    for model in KINDS.values():
        _add_put(router, model, imports, bearer)
        _add_get(router, model, reference, homes, bearer)
    return router


def _add_put(router: APIRouter, model: type[FileRow], imports: ReferenceImport, bearer: Bearer) -> None:
    @router.put(
        f"/{model.kind.name}",
        summary=f"Put {model.kind.name}",
        description=f"{getdoc(model)}\n\nAll rows are recorded, or none and a report of the wrong ones; nothing is "
        "overwritten.",
        response_model=Taken | Tried,
        responses=_REFUSALS,
        openapi_extra=request_of(model),
    )
    async def put(
        request: Request, dry_run: DryRun = False, _caller: Caller = bearer.requires(WRITE_SCOPE)
    ) -> Taken | Tried:
        format_ = _format(request)
        try:
            limit = LineLimit(MAX_ROWS, header=True) if format_ is Format.CSV else ObjectLimit(MAX_ROWS)
            body = await read_body(request, MAX_BYTES, limit)
            report = await imports.put(model, body, format_, dry_run=dry_run)
        except UnreadableFileError as error:
            raise Problem(422, "unreadable_file", str(error)) from error
        if report.errors:
            raise _refused(report)
        answer = Tried if dry_run else Taken
        return answer(report.rows, report.new, report.unchanged)


def _add_get(router: APIRouter, model: type[FileRow], reference: ReferenceStore, homes: Homes, bearer: Bearer) -> None:
    @router.get(
        f"/{model.kind.name}",
        summary=f"Get {model.kind.name}",
        description="Every row with its restatements, by region, series and version.",
        response_class=Response,
        responses={200: page_of(model), **UNKNOWN},
    )
    async def get(
        request: Request, region: OfRegion = None, limit: Limit = 100, cursor: Cursor = None,
        caller: Caller = bearer.requires(READ_SCOPE),
    ) -> Response:  # fmt: skip
        order = model.kind.name
        region = region_in_force(homes, region) if region is not None else None
        if region is None:
            demand_within(caller, NATION)
        else:
            demand_readable(caller, [region])
        found = await reference.page(model.kind.name, region, place_in(order, cursor, str) or "", limit + 1)
        items = [
            model.listed(row.statement) | {"recorded_at": row.recorded_at, "version": row.version}
            for _, row in found[:limit]
        ]
        page = {"items": items, "next": cursor_in(order, found[limit - 1][0]) if len(found) > limit else None}
        return answer(request, page)


def _format(request: Request) -> Format:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in set(Format):
        raise Problem(415, "unsupported_media_type", f"send {' or '.join(Format)}, named in Content-Type")
    return Format(media_type)


def _refused(report: LoadReport) -> Problem:
    wrong = len({error.row for error in report.errors})
    return Problem(
        422,
        "rows_refused",
        f"{wrong} rows are wrong and nothing was recorded; correct them and send the whole file again",
        wrong=wrong,
        errors=[asdict(error) for error in report.errors[:_ERRORS_SHOWN]],
    )


def request_of(model: type[FileRow]) -> dict[str, Any]:
    """Return the OpenAPI body of a PUT: CSV, or a list of the same rows in JSON."""
    rows = {"type": "array", "items": model.model_json_schema()}
    content = {
        "text/csv": {"schema": {"type": "string"}, "example": example_csv(model)},
        "application/json": {"schema": rows, "example": example_rows(model)},
    }
    return {"requestBody": {"required": True, "content": content}}


def example_rows(model: type[FileRow]) -> list[dict[str, Any]]:
    """Return the examples of a kind as a JSON file has them."""
    return [dict(zip(model.model_fields, values, strict=True)) for values in model.examples]


def example_csv(model: type[FileRow]) -> str:
    """Return the examples of a kind as a file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    cells = [["|".join(value) if isinstance(value, list) else value for value in row] for row in model.examples]
    writer.writerows([model.model_fields, *cells])
    return text.getvalue()


def page_of(model: type[FileRow]) -> dict[str, Any]:
    """Return the OpenAPI answer of a GET."""
    columns = model.model_json_schema()["properties"] | model.listed_schema
    example = check(model, example_csv(model).encode(), Format.CSV, lambda region: region).statements[0]
    fields = {name: columns[name] for name in model.listed(example)} | _VERSIONED
    items = {"type": "array", "items": {"type": "object", "required": list(fields), "properties": fields}}
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {"items": items, "next": {"type": ["string", "null"]}},
    }
    return {"description": "Rows, and where the next page begins", "content": {"application/json": {"schema": page}}}
