"""Gives the evaluator an input, waits until it is applied, and answers with what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from fastapi.responses import JSONResponse

from services.notifier.live.inputs import Inputs, Outcome
from shared.adapters.openapi import Json
from shared.runtime.clock import Clock

_APPLIED_WITHIN_S: Final = 5.0
"""The evaluator applies inputs within a second; after a take-over it needs a few."""
_LOOK_EVERY_S: Final = 0.05

WAITING_ANSWER: Final[dict[int | str, Json]] = {
    202: {
        "description": "Durable, and applied once a replica evaluates; `Location` is where to look for it",
        "content": {"application/json": {"schema": {"type": "object", "required": ["state", "input"]}}},
        "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
    }
}


class Giver:
    """Gives inputs on behalf of a caller."""

    def __init__(self, inputs: Inputs, clock: Clock) -> None:
        self._inputs = inputs
        self._clock = clock

    async def give(self, kind: str, fields: Mapping[str, Any], by: str) -> tuple[int, Outcome | None]:
        """Return the number of the durable input, and what became of it; None where no replica has applied it yet."""
        number = await self._inputs.give(kind, fields, by, self._clock.now())
        return number, await self.applied(number)

    async def give_officials(self, officials: list[dict[str, Any]], by: str) -> tuple[int, int, Outcome | None]:
        """Return the number of the directory's version, and as `give` does."""
        version, number = await self._inputs.give_officials(officials, by, self._clock.now())
        return version, number, await self.applied(number)

    async def applied(self, number: int) -> Outcome | None:
        """Wait for a few seconds until the input is applied."""
        try:
            async with asyncio.timeout(_APPLIED_WITHIN_S):
                while True:
                    if (outcome := await self._inputs.outcome(number)) is not None:
                        return outcome
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            return None


def waiting(number: int, location: str) -> JSONResponse:
    """Return the 202: the input is durable and will be applied."""
    return JSONResponse({"state": "waiting", "input": number}, 202, headers={"Location": location})
