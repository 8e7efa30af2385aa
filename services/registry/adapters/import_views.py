"""Imports as the API shows them; the OpenAPI document is made from these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.registry.application.import_ports import Format, Import, State
from services.registry.intake.places import RegionCodes


@dataclass(frozen=True, slots=True)
class LinesView:
    """Lines by what became of them; `repeated` are known ones that were sent again after an interruption."""

    accepted: int
    duplicate: int
    repeated: int
    conflict: int
    refused: int


@dataclass(frozen=True, slots=True)
class ImportView:
    """One import; `lines` counts what is decided, `lines_per_second` how fast it went in the last seconds."""

    id: str
    state: State
    format: Format
    region_codes: RegionCodes
    bytes: int
    bytes_done: int
    lines: int
    outcomes: LinesView
    lines_per_second: float | None
    seconds_left: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None
    detail: str | None
    rejected: str

    @classmethod
    def of(cls, job: Import) -> ImportView:
        """Return the view of an import."""
        left = job.seconds_left
        return cls(
            id=job.id,
            state=job.state,
            format=job.reading.format,
            region_codes=job.reading.region_codes,
            bytes=job.size,
            bytes_done=job.size if job.state is State.DONE else job.position.offset,
            lines=job.rows,
            outcomes=LinesView(**job.counts),
            lines_per_second=None if job.pace is None else round(job.pace.rows_per_second, 1),
            seconds_left=None if left is None else round(left, 1),
            created_at=job.created_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            expires_at=job.expires_at,
            detail=job.detail,
            rejected=f"/v1/imports/{job.id}/rejected.csv",
        )


@dataclass(frozen=True, slots=True)
class ImportPage:
    """Imports, newest first; `next` is the cursor of the page after, null on the last."""

    items: list[ImportView]
    next: str | None


EXAMPLE: Final = {
    "id": "6748b0a1c5d3e2f1a0b9c8d7",
    "state": "running",
    "format": "csv",
    "region_codes": "kemendagri",
    "bytes": 98_304_512,
    "bytes_done": 41_943_040,
    "lines": 278_100,
    "outcomes": {"accepted": 278_041, "duplicate": 57, "repeated": 0, "conflict": 0, "refused": 2},
    "lines_per_second": 9120.4,
    "seconds_left": 41.2,
    "created_at": "2026-11-21T03:00:00Z",
    "started_at": "2026-11-21T03:00:04Z",
    "ended_at": None,
    "expires_at": None,
    "detail": None,
    "rejected": "/v1/imports/6748b0a1c5d3e2f1a0b9c8d7/rejected.csv",
}
