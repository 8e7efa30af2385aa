"""Potentials over HTTP: a file in, the rows with their history out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

from fastapi import APIRouter, Request

from services.coverage.application.ports import ReferenceStore
from services.coverage.application.potentials import PotentialImport, Read, Report
from services.coverage.application.rows import UnreadableError, read_csv, read_json
from services.coverage.domain.reference import Row
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
    422: problem("Refused; `errors` names each row, its field, what is wrong and what to do"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken: its rows, and how many of them were news and are recorded."""

    rows: int
    recorded: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class PotentialRow:
    """A row as recorded; a null value withdraws the figure from `valid_from` on."""

    region: str
    basis: str
    valid_from: date
    value: int | None
    source: str
    definition: str
    recorded_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class PotentialPage:
    """Rows by region, basis and version."""

    items: list[PotentialRow]
    next: str | None


def create_router(*, imports: PotentialImport, reference: ReferenceStore, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1/potentials."""
    router = APIRouter(prefix="/v1/potentials", tags=["reference data"])
    may_write, may_read = bearer.requires(WRITE_SCOPE), bearer.requires(READ_SCOPE)

    @router.put("", response_model=Taken, responses=_REFUSALS, openapi_extra=_REQUEST)
    async def put_potentials(request: Request, _caller: Caller = may_write) -> Taken:
        """Record a file of potentials: all rows, or none and a report of the wrong ones. Nothing is overwritten."""
        read = _reader(request)
        try:
            report = await imports.put(await read_body(request, MAX_BYTES), read)
        except UnreadableError as error:
            raise Problem(422, "unreadable_file", str(error)) from error
        if report.errors:
            raise _refused(report)
        return Taken(report.rows, report.recorded, report.rows - report.recorded)

    @router.get("", response_model=PotentialPage)
    async def get_potentials(
        region: str | None = None, limit: Limit = 100, cursor: Cursor = None,
        _caller: Caller = may_read,
    ) -> PotentialPage:  # fmt: skip
        """Return the rows of one region, or of all, with every restatement."""
        found = await reference.page(region, place_of(cursor), limit + 1)
        more = len(found) > limit
        return PotentialPage(
            [_shown(row) for _, row in found[:limit]], cursor_at(found[limit - 1][0]) if more else None
        )

    return router


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


def _shown(row: Row) -> PotentialRow:
    return PotentialRow(**asdict(row.figure), recorded_at=row.recorded_at, version=row.version)


_EXAMPLE: Final = {
    "region": "11",
    "basis": "workers",
    "valid_from": "2023-09-01",
    "value": 1_710_891,
    "source": "bps/sakernas-2023-02",
    "definition": "people who work and are not civil servants",
}
_CSV_EXAMPLE: Final = f"{','.join(_EXAMPLE)}\n{','.join(map(str, _EXAMPLE.values()))}\n"
_REQUEST: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
            "application/json": {"example": [_EXAMPLE], "schema": {"type": "array", "items": {
                "type": "object",
                "required": ["region", "basis", "valid_from", "value", "source", "definition"],
                "properties": {
                    "region": {"type": "string"},
                    "basis": {"enum": ["workers", "vulnerable", "village_officials"]},
                    "valid_from": {"type": "string", "format": "date"},
                    "value": {"type": ["integer", "null"], "minimum": 0},
                    "source": {"type": "string"},
                    "definition": {"type": "string"},
                },
                "additionalProperties": False,
            }}},
        },
    }
}  # fmt: skip
