"""Delay between attempts, as a pure function of the attempt and of chance."""

from __future__ import annotations

from datetime import timedelta


def delay(attempt: int, *, first: timedelta, longest: timedelta, chance: float) -> timedelta:
    """Return how long to wait after failed attempt number `attempt` (from 1).

    The delay doubles from `first` up to `longest`. `chance` in [0, 1) spreads it over its upper half, so that many
    waiters do not return together. Source: "Exponential Backoff And Jitter" (equal jitter), AWS Architecture Blog.
    """
    # 2**32 is beyond any sensible `longest`, and more would overflow timedelta.
    full = min(longest, first * 2 ** min(attempt - 1, 32)) if attempt > 0 else first
    return full / 2 + full / 2 * chance
