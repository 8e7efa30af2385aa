"""When a region's snapshot may go out: at once, then at most once in a while, and the last state always."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta


class Pacer:
    """Remembers which regions changed, and when each was last taken."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._waiting: set[str] = set()
        self._taken_at: dict[str, datetime] = {}

    def touch(self, regions: Iterable[str]) -> None:
        """Note that these regions changed."""
        self._waiting.update(regions)

    def take(self, now: datetime) -> list[str]:
        """Return the regions that changed and have rested long enough; they rest again from now."""
        self._forget_rested(now)
        due = [region for region in self._waiting if region not in self._taken_at]
        self._waiting.difference_update(due)
        self._taken_at.update(dict.fromkeys(due, now))
        return due

    def wait(self, now: datetime) -> timedelta | None:
        """Return how long until the next region is due; None where none waits."""
        if not self._waiting:
            return None
        due_at = min(self._taken_at.get(region, now - self._every) + self._every for region in self._waiting)
        return max(due_at - now, timedelta(0))

    def _forget_rested(self, now: datetime) -> None:
        """Drop what has rested; the oldest stand first, as each is set anew when it is taken."""
        for region, taken_at in list(self._taken_at.items()):
            if now - taken_at < self._every:
                return
            del self._taken_at[region]
