"""What imports need from outside: their jobs, the uploaded files, the rows in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from services.registry.domain.errors import Refusal
from services.registry.intake.places import RegionCodes
from shared.runtime.lease import Lease, LeaseStore


class Format(StrEnum):
    """How the facts of a file are written."""

    NDJSON = "ndjson"
    CSV = "csv"


class State(StrEnum):
    """Where an import stands."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file wants to be read."""

    format: Format
    region_codes: RegionCodes = RegionCodes.KEMENDAGRI


RUNNABLE = frozenset({State.WAITING, State.RUNNING, State.CANCELLING})
"""There is something left to do, for whichever replica holds the lease."""
UNFINISHED = RUNNABLE | {State.UPLOADING}

Counts = Mapping[str, int]
"""Outcome → lines. `repeated` are known facts on lines that were sent again: stored by this import or before it."""
OUTCOMES = ("accepted", "duplicate", "repeated", "conflict", "refused")


class Position(NamedTuple):
    """Where the next row begins: `offset` in bytes from 0, `line` as an editor counts, from 1."""

    offset: int = 0
    line: int = 1


START = Position()
"""Before the first row, or the header."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an import went lately."""

    rows_per_second: float
    bytes_per_second: float


@dataclass(frozen=True, slots=True)
class Import:
    """One job. Facts of `sources` only are taken; `subject` is whose it is; `size` in bytes, unpacked."""

    id: str
    subject: str
    sources: tuple[str, ...]
    reading: Reading
    state: State
    created_at: datetime
    size: int = 0
    position: Position = START
    counts: Counts = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    pace: Pace | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    detail: str | None = None

    @property
    def rows(self) -> int:
        """Rows decided."""
        return sum(self.counts.values())

    @property
    def seconds_left(self) -> float | None:
        """What is left at the present pace; None where that is not known."""
        if self.pace is None or not self.pace.bytes_per_second or self.state is not State.RUNNING:
            return None
        return (self.size - self.position.offset) / self.pace.bytes_per_second


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken, without its content: `line` is where it begins; no personal value anywhere."""

    line: int
    source: str | None
    id: str | None
    code: str
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What one chunk of rows adds: it began at `start`, and `end` is where the next one begins."""

    start: Position
    end: Position
    counts: Counts
    rejected: Sequence[Rejected] = ()
    pace: Pace | None = None


class Imports(LeaseStore, Protocol):
    """The jobs; each is its own lease, and what is written under a lease names its token."""

    async def begin(self, subject: str, sources: Sequence[str], reading: Reading, now: datetime) -> Import:
        """Return a new job in state uploading, with an id greater than those before it."""
        ...

    async def still_uploading(self, id_: str, now: datetime) -> bool:
        """Say that bytes still come; return False where the upload was given up meanwhile."""
        ...

    async def uploaded(self, id_: str, size: int, key: str | None) -> Import | None:
        """Return the job, now waiting; None where another of this subject has the key already, or it was given up."""
        ...

    async def give_up(self, id_: str, now: datetime, expires_at: datetime) -> bool:
        """Make a job that is still uploading a failed one, to be forgotten soon; return False where it is not."""
        ...

    async def find(self, id_: str) -> Import | None:
        """Return the job of this id."""
        ...

    async def find_key(self, subject: str, key: str) -> Import | None:
        """Return the subject's job of this key, if it did not fail and was not cancelled."""
        ...

    async def listed(self, subject: str, before: str, limit: int) -> list[Import]:
        """Return the subject's jobs with lesser ids than `before` ("" is after all), newest first."""
        ...

    async def unfinished(self, subject: str) -> int:
        """Return how many jobs of the subject have not ended."""
        ...

    async def runnable(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of runnable jobs that no one holds at this instant, oldest first."""
        ...

    async def start(self, lease: Lease, now: datetime) -> Import | None:
        """Make a waiting job running, and return it as it was before; None where it has ended."""
        ...

    async def record(self, lease: Lease, progress: Progress) -> State:
        """Add progress and rejected rows together, durably, and return the state that the job is in.

        Raises: FencedError where the lease is no longer the newest, or the job does not stand at `progress.start`.
        """
        ...

    async def end(self, lease: Lease, state: State, now: datetime, expires_at: datetime, detail: str | None) -> None:
        """End the job; job and rejected rows are forgotten at `expires_at`. Raises: FencedError as above."""
        ...

    async def cancel(self, id_: str) -> Import | None:
        """Have a runnable job cancelled by whoever holds it next; return it, None where it was not runnable."""
        ...

    def rejected(self, id_: str) -> AsyncIterator[Sequence[Rejected]]:
        """Yield the rejected rows, by line."""
        ...

    async def standing_still(self, since: datetime) -> list[str]:
        """Return the jobs whose upload has not moved since then."""
        ...

    async def with_file(self) -> list[str]:
        """Return the ended jobs whose file was not noted as deleted yet."""
        ...

    async def file_deleted(self, id_: str) -> None:
        """Note that the file is gone."""
        ...

    async def by_state(self) -> Mapping[State, int]:
        """Return how many jobs there are in each unfinished state."""
        ...


class Uploads(Protocol):
    """The uploaded files, each under its job's id."""

    async def append(self, id_: str, number: int, block: bytes) -> None:
        """Keep block `number`, from 0; all but the last have the same size."""
        ...

    async def close(self, id_: str, size: int) -> None:
        """Note that the file is whole."""
        ...

    def blocks(self, id_: str, offset: int) -> AsyncIterator[bytes]:
        """Yield the file from a byte on."""
        ...

    async def delete(self, id_: str) -> None:
        """Forget what there is of the file, whole or not."""
        ...


Raw = bytes | dict[str, Any] | Refusal
"""A row as it is written: a line of JSON, a CSV row as its document, or why it can be neither."""


class Row(NamedTuple):
    """One row, where it begins and where the next does."""

    raw: Raw
    line: int
    after: Position


class Rows(Protocol):
    """The rows of an uploaded file."""

    def read(self, job: Import) -> AsyncIterator[Row]:
        """Yield the rows from the job's position on. Raises: PermanentError where the file cannot be read at all."""
        ...
