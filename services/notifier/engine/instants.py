"""Instants as whole milliseconds since 1970 in UTC: exact, ordered, and quick to compare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from shared.regions.codes import zone_of

DAY_MS: Final = 86_400_000
"""Milliseconds of a day; Indonesia's zones have no summer time, so each day has as many."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()


def to_ms(instant: datetime) -> int:
    """Return the instant in milliseconds, cut."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(instant_ms: int) -> datetime:
    """Return the instant of these milliseconds, in UTC."""
    return _EPOCH + instant_ms * _MILLISECOND


def to_text(instant_ms: int) -> str:
    """Return the instant as `2026-03-03T10:00:00.000Z`."""
    return f"{from_ms(instant_ms):%Y-%m-%dT%H:%M:%S}.{instant_ms % 1000:03d}Z"


def local_ms(instant_ms: int, region: str) -> int:
    """Return the milliseconds that the region's wall clock has counted since 1970-01-01 00:00."""
    offset = zone_of(region).utcoffset(None)
    return instant_ms + offset // _MILLISECOND


def local_day(instant_ms: int, region: str) -> int:
    """Return the region's date at the instant, as `date.toordinal` numbers days."""
    return local_ms(instant_ms, region) // DAY_MS + _EPOCH_ORDINAL
