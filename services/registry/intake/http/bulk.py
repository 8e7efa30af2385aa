"""Takes many facts in one request, NDJSON or CSV: one result a line, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from time import perf_counter
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from services.registry.domain.errors import Refusal
from services.registry.domain.outcomes import Outcome, Result
from services.registry.intake import facts_csv
from services.registry.intake.commit import GROUP_AT_MOST, Intake
from services.registry.intake.http.facts import SCOPE, source_refused
from services.registry.intake.http.in_flight import InFlight
from services.registry.intake.http.openapi import BULK_REQUEST, BULK_RESPONSES
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import Candidate, Parser
from services.registry.intake.regions import RegionCodes
from shared.adapters.body_limits import LineLimit
from shared.adapters.csv_rows import UnreadableFileError, text_lines
from shared.adapters.http_api import Bearer, read_body
from shared.adapters.http_problem import Problem
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError

MAX_LINES: Final = 10_000
MAX_BYTES: Final = 8 * 1024 * 1024
_PARSED_AT_ONCE: Final = 100
"""Some five milliseconds. Then other requests get their turn, so that a bulk does not delay single facts."""

Parse = Callable[[], Candidate]
Line = dict[str, Any]


def create_bulk_router(
    *, parser: Parser, intake: Intake, bearer: Bearer, clock: Clock, metrics: IntakeMetrics, in_flight: InFlight
) -> APIRouter:
    """Return the route for many facts at once."""
    router = APIRouter(prefix="/v1", tags=["facts"])

    @router.post("/facts/bulk", openapi_extra=BULK_REQUEST, responses=BULK_RESPONSES)
    async def post_facts(
        request: Request,
        region_codes: RegionCodes = RegionCodes.KEMENDAGRI,
        caller: Caller = bearer.requires(SCOPE),
    ) -> JSONResponse:
        """Take up to 10,000 facts: 200 with one result a line, in order. It says so where a line was not stored.

        `region_codes=bps` says that the regions are codes of BPS (digits without dots); they are translated.
        """
        started = perf_counter()
        results: list[Line] = []
        with in_flight.taking(caller, GROUP_AT_MOST):
            body = await read_body(request, MAX_BYTES, LineLimit(MAX_LINES, header=True))
            lines = _lines(request, body, parser.reading(region_codes), clock)
            while chunk := list(islice(lines, GROUP_AT_MOST)):
                candidates = await _parsed(chunk)
                outcomes = await _outcomes(candidates, caller, intake, request.headers.get("traceparent"))
                for candidate, outcome in zip(candidates, outcomes, strict=True):
                    if isinstance(outcome, Outcome):
                        metrics.answered(candidate.type, outcome, perf_counter() - started)
                    results.append(_result(len(results) + 1, candidate, outcome))
        return JSONResponse({"errors": any("code" in line for line in results), "results": results})

    return router


def _lines(request: Request, body: bytes, parser: Parser, clock: Clock) -> Iterator[Parse]:
    """Return a function for each line, which parses it.

    Raises: Problem 413, 415, or 422 where no line can be read.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    read = {"application/x-ndjson": _ndjson, "application/ndjson": _ndjson, "text/csv": _csv}.get(media_type)
    if read is None:
        raise Problem(415, "unsupported_media_type", "send the facts as application/x-ndjson or text/csv")
    lines = read(body, parser, clock)
    if len(lines) > MAX_LINES:
        raise Problem(413, "too_large", f"there are {len(lines)} lines; send at most {MAX_LINES} at once")
    return iter(lines)


def _ndjson(body: bytes, parser: Parser, clock: Clock) -> list[Parse]:
    return [lambda raw=raw: parser.parse(raw, clock.now()) for raw in body.splitlines() if raw.strip()]  # type: ignore[misc]


def _csv(body: bytes, parser: Parser, clock: Clock) -> list[Parse]:
    try:
        rows = list(facts_csv.read(text_lines(BytesIO(body))))
    except UnreadableFileError as error:
        raise Problem(422, "malformed_csv", str(error)) from error
    return [lambda row=row: _candidate(row.content, parser, clock) for row in rows]  # type: ignore[misc]


def _candidate(content: facts_csv.Document | Refusal, parser: Parser, clock: Clock) -> Candidate:
    if isinstance(content, Refusal):
        return Candidate(None, refusal=content)
    return parser.parse_document(content, clock.now())


async def _parsed(lines: Sequence[Parse]) -> list[Candidate]:
    candidates: list[Candidate] = []
    for start in range(0, len(lines), _PARSED_AT_ONCE):
        candidates += [parse() for parse in lines[start : start + _PARSED_AT_ONCE]]
        await asyncio.sleep(0)
    return candidates


async def _outcomes(
    candidates: Sequence[Candidate], caller: Caller, intake: Intake, traceparent: str | None
) -> list[Outcome | BaseException]:
    """Return the outcome of each line. An error of the store is the outcome of every line in its group."""
    outcomes: list[Outcome | BaseException] = [Outcome(Result.REFUSED, one.refusal) for one in candidates]
    answers: dict[int, asyncio.Future[Outcome]] = {}
    for at, candidate in enumerate(candidates):
        if refused := source_refused(candidate, caller):
            outcomes[at] = refused
        elif candidate.key is not None:
            try:
                answers[at] = intake.put(candidate, traceparent)
            except TransientError as error:
                outcomes[at] = error
    for at, outcome in zip(answers, await asyncio.gather(*answers.values(), return_exceptions=True), strict=True):
        outcomes[at] = outcome
    return outcomes


def _result(number: int, candidate: Candidate, outcome: Outcome | BaseException) -> Line:
    source, id_ = candidate.key or (None, None)
    line: Line = {"line": number, "source": source, "id": id_}
    if isinstance(outcome, Problem):
        return line | {"outcome": "refused", "code": outcome.code, "field": "source", "detail": outcome.detail}
    if isinstance(outcome, TransientError):
        return line | {"outcome": "not_stored", "code": "unavailable", "detail": f"{outcome}; send this line again"}
    if isinstance(outcome, PermanentError):
        return line | {"outcome": "not_stored", "code": "failed", "detail": "an operator must act; send it again then"}
    if isinstance(outcome, BaseException):
        raise outcome
    if outcome.refusal is not None:
        refusal = outcome.refusal
        return line | {"outcome": "refused", "code": refusal.code, "field": refusal.field, "detail": refusal.detail}
    if outcome.result is Result.CONFLICT:
        return line | {"outcome": "conflict", "code": "conflict", "field": "id", "detail": "another fact has this id"}
    return line | {"outcome": outcome.result.value}
