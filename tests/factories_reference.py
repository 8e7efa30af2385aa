"""Rows of reference data for tests; a test states only what matters to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, TypeVar

from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex, ReferenceKind, Statement

V = TypeVar("V")

RECORDED_AT = datetime(2023, 10, 2, 3, 0, tzinfo=UTC)
SEPTEMBER = date(2023, 9, 1)
TODAY = AsOf(date(2023, 9, 30))


def row(
    kind: ReferenceKind[V], region: str, series: str, value: V | None, valid_from: date = SEPTEMBER, *,
    version: int = 1, source: str = "bps", definition: str = "all who work", recorded_at: datetime = RECORDED_AT,
) -> RecordedRow[V]:  # fmt: skip
    """Return a statement as it was recorded."""
    return RecordedRow(Statement(kind, region, series, valid_from, value, source, definition), recorded_at, version)


def index_of(*rows: RecordedRow[Any]) -> ReferenceIndex:
    """Return an index of these rows."""
    reference = ReferenceIndex()
    reference.add(rows)
    return reference


def tree(*villages: str) -> Callable[[str], tuple[str, ...]]:
    """Return a function that gives the children of a region, in a nation of these villages only."""
    below: dict[str, set[str]] = {}
    for village in villages:
        parts = village.split(".")
        lineage = ["ID", *(".".join(parts[:n]) for n in range(1, len(parts) + 1))]
        for parent, child in pairwise(lineage):
            below.setdefault(parent, set()).add(child)
    return lambda region: tuple(sorted(below.get(region, ())))
