"""Which regions a caller reads: officials by their home region, all others with the scope every one (ADR 0033)."""

from __future__ import annotations

from collections.abc import Iterable

from shared.adapters.http_problem import Problem
from shared.regions.codes import NATION, holds, may_read
from shared.runtime.auth import Caller


def home_of(caller: Caller) -> str:
    """Return the region whose official this is; the nation for a ministry, an operator or a program.

    Raises: Problem 403 for an official whose token names no region.
    """
    if caller.region:
        return caller.region
    if caller.role:
        raise Problem(403, "region_missing", "the token names a role and no region; ask for one that names both")
    return NATION


def demand_readable(caller: Caller, regions: Iterable[str]) -> None:
    """Pass a caller who reads all about each of these regions. Raises: Problem 403 that says what they do read."""
    home = home_of(caller)
    for region in regions:
        if not may_read(home, region):
            raise Problem(
                403, "outside_your_region",
                f"your token reads {home} and all below it, what lies above it, and its siblings above the village; "
                "ask for one of these, or read the releases without a token",
                region=region,
            )  # fmt: skip


def demand_within(caller: Caller, region: str) -> None:
    """Pass a caller whose home region is this one or holds it. Raises: Problem 403 that says which they may name."""
    home = home_of(caller)
    if not holds(home, region):
        detail = f"your token is for {home} and all below it; ask for one of these"
        raise Problem(403, "outside_your_region", detail, region=region)
