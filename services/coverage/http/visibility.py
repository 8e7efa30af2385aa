"""Who sees what: officials, with the scope, see everything as it is now; all others see releases alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer_unless_held
from shared.adapters.http_api import unauthorised
from shared.adapters.http_problem import Problem
from shared.adapters.openapi import problem
from shared.adapters.territory import demand_readable
from shared.contracts.snapshots import Snapshot
from shared.runtime.auth import Caller

SCOPE: Final = "coverage:read"
"""The scope of officials, who see every figure."""
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: problem("No acceptable token, and the public does not see this"),
    403: problem("The token lacks the scope, and the public does not see this"),
}


class Visibility:
    """Answers officials."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader

    async def answer(
        self, request: Request, caller: Caller | None, regions: Sequence[str], at: AsOf | None,
        content: Callable[[Sequence[Snapshot]], object], **about: Any,
    ) -> Response:  # fmt: skip
        """Answer an official with what `content` makes of the regions; the first of them holds all others.

        `about` is passed on to `answer`. Raises: Problem 401 or 403 for a caller who may not see them.
        """

        async def build() -> object:
            return content(await self._reader.snapshots(regions, at))

        # Also a caller who holds the answer may have lost the right to it.
        demand_all(caller, regions)
        return await self.answer_official(request, regions, at, build, **about)

    async def answer_official(
        self, request: Request, regions: Sequence[str], at: AsOf | None, build: Callable[[], Awaitable[object]],
        **about: Any,
    ) -> Response:  # fmt: skip
        """Answer with what `build` gives. If the caller holds an answer of the same versions, only those are read."""
        return await answer_unless_held(request, await self._reader.state(regions, at), build, **about)


def demand_all(caller: Caller | None, regions: Sequence[str]) -> Caller:
    """Return a caller who sees everything of these regions. Raises: Problem 401 or 403 for any other."""
    if caller is None or not sees_all(caller):
        raise needs_token(caller, "this is shown to officials only")
    demand_readable(caller, regions)
    return caller


def sees_all(caller: Caller | None) -> bool:
    """Say whether nothing is hidden from this caller."""
    return caller is not None and caller.may(SCOPE)


def needs_token(caller: Caller | None, why: str) -> Problem:
    """Return the refusal of a caller without a token, or with one that lacks the scope."""
    if caller is None:
        return unauthorised(f"{why}; or sign in and send the token")
    return Problem(403, "scope_missing", f"{why}; or ask for a token with the scope {SCOPE}")
