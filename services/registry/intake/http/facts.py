"""Takes one fact a request, and answers when it is durable."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from services.registry.domain.errors import RefusalCode
from services.registry.domain.outcomes import Outcome, Result
from services.registry.intake.commit import Intake
from services.registry.intake.http.cloudevents import attributes_of
from services.registry.intake.http.in_flight import InFlight
from services.registry.intake.http.openapi import FACT_REQUEST, FACT_RESPONSES
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import Candidate, Parser
from shared.adapters.http_api import Bearer, DirectRoute, read_body
from shared.adapters.http_problem import Problem
from shared.contracts import facts as contract
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

SCOPE: Final = "facts:write"
_TAKEN: Final = frozenset({"application/cloudevents+json", "application/json"})


def media_type(content_type: str) -> str:
    """Return the type and subtype of a Content-Type, in small letters."""
    return content_type.partition(";")[0].strip().lower()


def create_router(
    *, parser: Parser, intake: Intake, bearer: Bearer, clock: Clock, metrics: IntakeMetrics, in_flight: InFlight
) -> APIRouter:
    """Return the routes under /v1."""
    router = APIRouter(prefix="/v1", tags=["facts"], route_class=DirectRoute)

    @router.post(
        "/facts", status_code=202, responses=FACT_RESPONSES, openapi_extra=FACT_REQUEST,
        dependencies=[bearer.requires(SCOPE)],
    )  # fmt: skip
    async def post_fact(request: Request) -> JSONResponse:
        """Take one fact: 202 once it is durable, 200 if it was known, else a problem that says what to do."""
        started = perf_counter()
        caller = await bearer.demand(request, SCOPE)
        content_type = request.headers.get("content-type", "")
        if media_type(content_type) not in _TAKEN:
            detail = "send the event as application/cloudevents+json, or its data as application/json with ce- headers"
            raise Problem(415, "unsupported_media_type", detail)
        with in_flight.taking(caller):
            body = await read_body(request, contract.MAX_FACT_BYTES)
            candidate = parser.parse_message(content_type, attributes_of(request.headers), body, clock.now())
            if refused := source_refused(candidate, caller):
                raise refused
            outcome = await _outcome(candidate, intake, request.headers.get("traceparent"))
        metrics.answered([(candidate.type, outcome)], perf_counter() - started)
        return _answer(candidate, outcome)

    return router


def source_refused(candidate: Candidate, caller: Caller) -> Problem | None:
    """Return the 403 where the token does not name the fact's source."""
    if candidate.key is None or candidate.key[0] in caller.sources:
        return None
    return Problem(
        403,
        "source_not_allowed",
        "the token may not write facts of this source; ask for one whose sources name it",
        field="source",
    )


async def _outcome(candidate: Candidate, intake: Intake, traceparent: str | None) -> Outcome:
    if candidate.key is None:
        return Outcome(Result.REFUSED, candidate.refusal)
    return await intake.put(candidate, traceparent)


def _answer(candidate: Candidate, outcome: Outcome) -> JSONResponse:
    source, id_ = candidate.named
    if outcome.refusal is not None:
        refusal = outcome.refusal
        status = 413 if refusal.code is RefusalCode.TOO_LARGE else 422
        raise Problem(status, refusal.code, refusal.detail, field=refusal.field)
    if outcome.result is Result.CONFLICT:
        raise Problem(
            409,
            "conflict",
            "another fact has this source and id; give a new fact a new id, or send the correction of the old one",
            field="id",
        )
    body = {"outcome": outcome.result.value, "source": source, "id": id_}
    return JSONResponse(body, 202 if outcome.result is Result.ACCEPTED else 200)
