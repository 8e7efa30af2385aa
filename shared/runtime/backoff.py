"""Delays between tries, as a pure function of the try and of chance."""

from __future__ import annotations

from datetime import timedelta


def delay(attempt: int, *, first: timedelta, longest: timedelta, chance: float) -> timedelta:
    """Return how long to wait after failed try number `attempt` (from 1).

    Doubles from `first` up to `longest`; `chance` in [0, 1) spreads it over the upper half, so that many waiters do
    not come back together. Source: "Exponential Backoff And Jitter" (equal jitter), AWS Architecture Blog.
    """
    # Beyond 2**32 the doubling is far over any sensible `longest`, and timedelta would overflow.
    full = min(longest, first * 2 ** min(attempt - 1, 32)) if attempt > 0 else first
    return full / 2 + full / 2 * chance
