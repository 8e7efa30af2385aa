"""Imports over HTTP: a file goes in, a job comes back; how it goes, what was rejected, cancel."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import astuple
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.registry.adapters.import_body import parts_of
from services.registry.adapters.import_rows import header_of
from services.registry.adapters.import_views import EXAMPLE, ImportPage, ImportView
from services.registry.application.import_ports import Format, Import, Imports, Reading, Rejected
from services.registry.application.uploading import (
    UNFINISHED_AT_MOST,
    Check,
    GivenUpError,
    Sender,
    TooManyError,
    Uploading,
)
from services.registry.intake import csv as csv_facts
from services.registry.intake.http.facts import SCOPE
from services.registry.intake.places import RegionCodes
from shared.adapters.http_api import Bearer, Problem
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_at, place_of
from shared.contracts.examples import ENROLLED_AS_CSV, FACTS
from shared.runtime.auth import Caller

REJECTED_COLUMNS: Final = ("line", "source", "id", "code", "field", "detail")
_FORMATS: Final = {
    "application/x-ndjson": Format.NDJSON,
    "application/ndjson": Format.NDJSON,
    "text/csv": Format.CSV,
}
_RETRY_AFTER_S: Final = "10"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=255,
        description="Names the file: sent again under the same key, the import that it has become is returned",
    ),
]  # fmt: skip
AskedKey = Annotated[str | None, Query(min_length=1, max_length=255, description="Only the import of this key")]


def create_import_router(
    *, uploading: Uploading, imports: Imports, bearer: Bearer, most_bytes: int, on_upload: Callable[[], None]
) -> APIRouter:
    """Return the routes of imports; each caller sees their own alone."""
    router = APIRouter(prefix="/v1/imports", tags=["imports"])
    may_write = bearer.requires(SCOPE)

    async def own(id: str, caller: Caller = may_write) -> Import:
        job = await imports.find(id)
        if job is None or job.subject != caller.subject:
            raise Problem(404, "unknown_import", "you have no import of this id; ended ones are kept for seven days")
        return job

    @router.post("", status_code=202, responses=_POSTED, openapi_extra=_REQUEST)
    async def post_import(
        request: Request,
        response: Response,
        region_codes: RegionCodes = RegionCodes.KEMENDAGRI,
        idempotency_key: Key = None,
        caller: Caller = may_write,
    ) -> ImportView:
        """Take a file of facts of any size: 202 once it is durable and waits for its turn, 200 if it was sent before.

        `region_codes=bps` says that the regions are codes of BPS (digits without dots); they are translated.
        """
        reading = Reading(_format(request), region_codes)
        sender = Sender(caller.subject, tuple(sorted(caller.sources)), idempotency_key)
        job = await uploading.known(sender)
        if job is None:
            job = await _taken(uploading, sender, reading, parts_of(request, most_bytes))
            on_upload()
        else:
            _demand_same(job.reading, reading)
            response.status_code = 200
        response.headers["Location"] = f"/v1/imports/{job.id}"
        return ImportView.of(job)

    @router.get("")
    async def get_imports(
        limit: Limit = 100, cursor: Cursor = None, key: AskedKey = None, caller: Caller = may_write
    ) -> ImportPage:
        """Return the caller's imports, newest first."""
        if key is not None:
            found = await imports.find_key(caller.subject, key)
            return ImportPage([ImportView.of(found)] if found else [], None)
        jobs = await imports.listed(caller.subject, place_of(cursor), limit + 1)
        more = cursor_at(jobs[limit - 1].id) if len(jobs) > limit else None
        return ImportPage([ImportView.of(job) for job in jobs[:limit]], more)

    @router.get("/{id}", responses=_ONE)
    async def get_import(job: Import = Depends(own)) -> ImportView:
        """Return how an import stands: durable counts, rate and time left."""
        return ImportView.of(job)

    @router.get("/{id}/rejected.csv", response_class=StreamingResponse, responses=_REJECTED)
    async def get_rejected(job: Import = Depends(own)) -> StreamingResponse:
        """Return the lines not taken so far, with the reason of each; a line's content is not kept."""
        return StreamingResponse(_csv(imports.rejected(job.id)), media_type="text/csv; charset=utf-8")

    @router.post("/{id}/cancel", status_code=202, responses=_CANCELLED)
    async def cancel_import(job: Import = Depends(own)) -> ImportView:
        """Stop an import after the lines under way; what it has stored stays."""
        cancelled = await imports.cancel(job.id)
        if cancelled is None:
            raise Problem(
                409, "not_running", f"the import is {job.state}; only one that waits or runs can be cancelled"
            )
        return ImportView.of(cancelled)

    return router


def _format(request: Request) -> Format:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _FORMATS:
        raise Problem(415, "unsupported_media_type", "send the file as application/x-ndjson or text/csv")
    return _FORMATS[media_type]


def _demand_same(sent: Reading, now: Reading) -> None:
    if sent != now:
        raise Problem(409, "key_taken", "under this key a file was sent that is read otherwise; use another key")


async def _taken(uploading: Uploading, sender: Sender, reading: Reading, parts: AsyncIterator[bytes]) -> Import:
    check: Check = header_of if reading.format is Format.CSV else _anything
    try:
        return await uploading.take(sender, reading, parts, check)
    except TooManyError as error:
        detail = f"you have {UNFINISHED_AT_MOST} unfinished imports; wait for one to end, or cancel one"
        raise Problem(429, "too_many_imports", detail, headers={"Retry-After": _RETRY_AFTER_S}) from error
    except GivenUpError as error:
        raise Problem(408, "too_slow", "the upload stood still and was given up; send the file again") from error
    except csv_facts.UnreadableError as error:
        raise Problem(422, "malformed_csv", str(error)) from error


def _anything(_block: bytes) -> None:
    """Any file may be NDJSON: each line is judged by itself."""


async def _csv(kept: AsyncIterator[Sequence[Rejected]]) -> AsyncIterator[str]:
    yield _written([REJECTED_COLUMNS])
    async for rows in kept:
        yield _written([astuple(row) for row in rows])


def _written(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


_SHOWN: Final = {"application/json": {"example": EXAMPLE}}
_REQUEST: Final = {
    "requestBody": {
        "required": True,
        "description": "A file of any size; packed, with its length, it may unpack to a hundred times that.",
        "content": {
            "application/x-ndjson": {
                "schema": {"description": "One CloudEvent a line."},
                "example": "".join(json.dumps(fact) + "\n" for fact in FACTS.values()),
            },
            "text/csv": {
                "schema": {"description": f"With a header that names columns of {', '.join(csv_facts.COLUMNS)}."},
                "example": ENROLLED_AS_CSV,
            },
        },
    }
}
_POSTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Sent before under this key: its import", "model": ImportView, "content": _SHOWN},
    202: {"description": "The file is durable and waits; Location is its import", "content": _SHOWN},
    409: problem("Under this key a file was sent that is read otherwise"),
    411: problem("A packed body of unknown length"),
    413: problem("More than this registry takes at once, or it unpacks to too much"),
    415: problem("Neither NDJSON nor CSV, or a content coding other than gzip"),
    422: problem("Not our CSV header, no gzip, or a malformed parameter"),
    429: problem(f"{UNFINISHED_AT_MOST} imports of this caller are unfinished"),
}
_UNKNOWN: Final = problem("No import of the caller has this id")
_ONE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": _SHOWN}, 404: _UNKNOWN}
_CANCELLED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "It ends as soon as its lines under way are decided", "content": _SHOWN},
    404: _UNKNOWN,
    409: problem("It has ended, or its file is not here yet"),
}
_REJECTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One row for each rejected line",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": ",".join(REJECTED_COLUMNS)}},
    },
    404: _UNKNOWN,
}
