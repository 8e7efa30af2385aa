"""The region that a caller names, by whichever code it has or once had."""

from __future__ import annotations

from shared.adapters.http_problem import Problem
from shared.regions.successors import Ambiguous, Homes


def region_in_force(homes: Homes, code: str) -> str:
    """Return the code itself, or its one successor. Raises: Problem 404 if there is none, or several."""
    home = homes.home_of(code)
    if isinstance(home, Ambiguous):
        detail = f"the code is retired and may stand for {', '.join(home.candidates)}; ask for one of them"
        raise Problem(404, "ambiguous_region", detail, candidates=list(home.candidates))
    if home is None:
        detail = "no region has this code; write a Kemendagri code (11, 11.01, 11.01.01) or ID"
        raise Problem(404, "unknown_region", detail)
    return home
