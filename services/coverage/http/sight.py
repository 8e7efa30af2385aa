"""What a caller may see of regions: everything with the scope, else what the public may. Decided here alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from services.coverage.public.viewer import MonthEndsOnlyError, PublicViewer
from services.coverage.reading.snapshots import Viewer
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_api import Problem, unauthorised
from shared.adapters.openapi import problem
from shared.runtime.auth import Caller

SCOPE: Final = "coverage:read"
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: problem("No acceptable token, and the public does not see this, or not as of that day"),
    403: problem("The token lacks the scope, and the public does not see this, or not as of that day"),
}


class Sight:
    """Shows each caller what is theirs to see."""

    def __init__(self, viewer: Viewer, public: PublicViewer) -> None:
        self._viewer = viewer
        self._public = public

    async def snapshots(self, caller: Caller | None, regions: Sequence[str], at: AsOf | None) -> list[Any]:
        """Return the regions as this caller may see them. Raises: Problem 401 or 403 where they may not."""
        if sees_all(caller):
            return [*await self._viewer.snapshots(regions, at)]
        try:
            return [*await self._public.documents(regions, at)]
        except MonthEndsOnlyError as error:
            raise needs_token(caller, str(error)) from error


def demand_all(caller: Caller | None) -> None:
    """Go on for a caller from whom nothing is hidden. Raises: Problem 401 or 403 for any other."""
    if not sees_all(caller):
        raise needs_token(caller, "this is shown to officials only")


def sees_all(caller: Caller | None) -> bool:
    """Say whether nothing is hidden from this caller."""
    return caller is not None and caller.may(SCOPE)


def needs_token(caller: Caller | None, why: str) -> Problem:
    """Return what a caller is told whose token is missing or does not reach this far."""
    if caller is None:
        return unauthorised(f"{why}; or sign in and send the token")
    return Problem(403, "scope_missing", f"{why}; or ask for a token with the scope {SCOPE}")
