"""Hand-written stand-ins for what tests hold still: the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.runtime.clock import SystemClock


class ClockFrom:
    """A clock that goes as the machine's does, from another instant: a test's dates stay what they were written as."""

    def __init__(self, start: datetime) -> None:
        self._shift = start - SystemClock().now()

    def now(self) -> datetime:
        """Return the instant, as long after the start as it is."""
        return SystemClock().now() + self._shift


class ManualClock:
    """A clock that moves only by hand."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self._now += by

    def set(self, to: datetime) -> None:
        """Move to an instant."""
        self._now = to
