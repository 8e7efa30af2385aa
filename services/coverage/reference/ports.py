"""The store that reference data needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from services.coverage.reference.domain.reference import RecordedRow, Statement

Statements = Sequence[Statement[Any]]
Rows = list[RecordedRow[Any]]


class ReferenceStore(Protocol):
    """Recorded rows of all kinds. The revision is the number of imports recorded so far."""

    async def add(self, statements: Statements, recorded_at: datetime, *, dry_run: bool = False) -> Rows:
        """Record the new ones of the statements, all or none, and return them as rows. All are of one kind.

        A dry run returns the same rows and records nothing.
        """
        ...

    async def since(self, revision: int) -> tuple[int, Rows]:
        """Return the present revision, and the rows of all kinds recorded after the given one."""
        ...

    async def page(self, kind: str, region: str | None, after: str, limit: int) -> list[tuple[str, RecordedRow[Any]]]:
        """Return up to `limit` rows after a place, each with its own place: by region, series and version."""
        ...
