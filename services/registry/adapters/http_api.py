"""The registry's HTTP side: one fact a request, answered when it is durable."""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from services.registry.adapters.cloudevents import document_of, is_binary, require_json
from services.registry.adapters.metrics import RegistryMetrics
from services.registry.application.intake import Intake, Outcome, Result
from services.registry.application.parsing import Candidate, Parser
from services.registry.application.shape import shown
from services.registry.domain.errors import Refusal, RefusalCode
from shared.adapters.http_api import PROBLEM_TYPE, Bearer, Problem, read_body
from shared.contracts import facts as contract
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

SCOPE: Final = "facts:write"


def create_router(
    *, parser: Parser, intake: Intake, bearer: Bearer, clock: Clock, metrics: RegistryMetrics
) -> APIRouter:
    """Return the routes under /v1."""
    router = APIRouter(prefix="/v1", tags=["facts"])

    @router.post("/facts", status_code=202, responses=_RESPONSES, openapi_extra=_REQUEST)
    async def post_fact(request: Request, caller: Caller = bearer.requires(SCOPE)) -> JSONResponse:
        """Take one fact: 202 once it is durable, 200 if it was known, else a problem that says what to do."""
        started = perf_counter()
        require_json(request.headers)
        candidate = parse(request, await read_body(request, contract.MAX_FACT_BYTES), parser, clock)
        if refused := source_refused(candidate, caller):
            raise refused
        outcome = await _outcome(candidate, intake, request.headers.get("traceparent"))
        metrics.answered(candidate.type, outcome, perf_counter() - started)
        return _answer(candidate, outcome)

    return router


def parse(request: Request, body: bytes, parser: Parser, clock: Clock) -> Candidate:
    """Return the candidate a request carries, structured or binary."""
    if not is_binary(request.headers):
        return parser.parse(body, clock.now())
    document = document_of(request.headers, body)
    if document is None:
        return Candidate(None, refusal=Refusal(RefusalCode.MALFORMED_JSON, "data", "send the data as JSON, in UTF-8"))
    return parser.parse_document(document, clock.now())


def source_refused(candidate: Candidate, caller: Caller) -> Problem | None:
    """Return the 403 for a fact of a source that the token does not name."""
    if candidate.key is None or candidate.key[0] in caller.sources:
        return None
    return Problem(
        403,
        "source_not_allowed",
        f"the token may not write facts of source {shown(candidate.key[0])}; ask for one whose sources name it",
        field="source",
    )


async def _outcome(candidate: Candidate, intake: Intake, traceparent: str | None) -> Outcome:
    if candidate.key is None:
        return Outcome(Result.REFUSED, candidate.refusal)
    return await intake.submit(candidate, traceparent)


def _answer(candidate: Candidate, outcome: Outcome) -> JSONResponse:
    source, id_ = candidate.key or (None, None)
    if outcome.refusal is not None:
        refusal = outcome.refusal
        status = 413 if refusal.code is RefusalCode.TOO_LARGE else 422
        raise Problem(status, refusal.code, refusal.detail, field=refusal.field)
    if outcome.result is Result.CONFLICT:
        raise Problem(
            409,
            "conflict",
            f"{shown(source)} already sent another fact with id {shown(id_)}; give a new fact a new id, "
            "or send the correction of the old one",
            field="id",
        )
    body = {"outcome": outcome.result.value, "source": source, "id": id_}
    return JSONResponse(body, 202 if outcome.result is Result.ACCEPTED else 200)


def _schema() -> dict[str, Any]:
    """Return the request schema; nested definitions inline, so that it stands alone in the OpenAPI document."""
    return TypeAdapter(contract.Fact).json_schema(ref_template="#/components/schemas/{model}")


_EXAMPLE: Final = {
    "specversion": "1.0",
    "id": "f-000123",
    "source": "bpjs/kalsel",
    "type": "cakupan.enrolled.v1",
    "time": "2023-09-30T08:00:00+08:00",
    "data": {
        "identity": {"scheme": "nik", "value": "6310000101900000"},
        "region": "63.10.03.2004",
        "segment": "BPU",
        "groups": ["vulnerable"],
        "payer": "apbd_regency",
        "programmes": ["JKK", "JKM"],
        "paid_through": "2023-12",
    },
}
_REQUEST: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {
                "schema": {"oneOf": [{"$ref": f"#/components/schemas/{model.__name__}"} for model in
                                     contract.TYPES.values()]},
                "example": _EXAMPLE,
            }
        },
    }
}  # fmt: skip
_OUTCOME: Final = {
    "type": "object",
    "required": ["outcome", "source", "id"],
    "properties": {
        "outcome": {"enum": ["accepted", "duplicate"]},
        "source": {"type": "string"},
        "id": {"type": "string"},
    },
}
_PROBLEM: Final = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "Accepted: durable, counted once", "content": {"application/json": {"schema": _OUTCOME}}},
    200: {"description": "Known already: same id, same content",
          "content": {"application/json": {"schema": _OUTCOME}}},
    401: {"description": "No acceptable token", "content": _PROBLEM},
    403: {"description": "The token lacks the scope or the source", "content": _PROBLEM},
    409: {"description": "Same id, other content", "content": _PROBLEM},
    413: {"description": "Over 64 KiB", "content": _PROBLEM},
    415: {"description": "Not JSON by its content type", "content": _PROBLEM},
    422: {"description": "Refused; `code` and `field` say why", "content": _PROBLEM},
    503: {"description": "Not stored; send it again after Retry-After", "content": _PROBLEM},
}  # fmt: skip


def components() -> dict[str, Any]:
    """Return the schemas that the routes refer to, for the OpenAPI document."""
    schema = _schema()
    problem = {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "field": {"type": ["string", "null"]},
        },
    }
    return {**schema["$defs"], "Problem": problem}
