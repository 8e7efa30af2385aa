"""Takes many facts in one request, NDJSON or CSV: one result a line, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from io import BytesIO
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from services.registry.domain.errors import Refusal
from services.registry.domain.outcomes import Outcome, Result
from services.registry.intake import fact_files
from services.registry.intake.commit import GROUP_AT_MOST, Intake
from services.registry.intake.fact_files import FactRow
from services.registry.intake.http.facts import SCOPE, media_type, source_refused
from services.registry.intake.http.in_flight import InFlight
from services.registry.intake.http.openapi import BULK_REQUEST, BULK_RESPONSES
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import Candidate, Parser
from services.registry.intake.regions import RegionCodes
from shared.adapters.body_limits import LineLimit
from shared.adapters.csv_rows import UnreadableFileError, refuse_other_formats, text_lines
from shared.adapters.http_api import Bearer, read_body
from shared.adapters.http_problem import Problem
from shared.contracts.facts import AS_TEXT
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.masking import masked

MAX_LINES: Final = 10_000
MAX_BYTES: Final = 8 * 1024 * 1024
_PARSED_AT_ONCE: Final = 100
"""Some five milliseconds. Then other requests get their turn, so that a bulk does not delay single facts."""

T = TypeVar("T")
Json = dict[str, Any]


class _Answered(NamedTuple):
    """A line, what it says, and what became of it."""

    line: int
    candidate: Candidate
    outcome: Outcome | Exception


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
    ) -> Response:
        """Take up to 10,000 facts: 200 with one result a fact, in order. It says so where one was not stored.

        `region_codes=bps` says that the regions are codes of BPS (digits without dots); they are translated.
        """
        started = perf_counter()
        results: list[Json] = []
        niks: list[str] = []
        with in_flight.taking(caller, GROUP_AT_MOST):
            reader = parser.reading(region_codes)
            body = await read_body(request, MAX_BYTES, LineLimit(MAX_LINES, header=True))
            rows = _rows(media_type(request.headers.get("content-type", "")), body)
            parse = partial(_parsed, parser=reader, clock=clock)
            commit = partial(_outcomes, caller=caller, intake=intake, traceparent=request.headers.get("traceparent"))
            with in_flight.taking_if_free(caller, GROUP_AT_MOST if len(rows) > GROUP_AT_MOST else 0) as is_free:
                # While one group is being committed the next waits already, so that the store is never idle.
                async for group in _committed(rows, parse, commit, 1 + is_free):
                    answered = [(one.candidate.type, one.outcome) for one in group if isinstance(one.outcome, Outcome)]
                    metrics.answered(answered, perf_counter() - started)
                    for line, candidate, outcome in group:
                        niks += [who.value for who in candidate.identities if who.scheme == "nik"]
                        results.append(_result(line, candidate, outcome))
        # Of 10,000 results Python's own encoder takes 25 ms, in which nobody else is served; a thread takes 5.
        body = await asyncio.to_thread(_body, results, niks)
        return Response(body, media_type="application/json")

    return router


def _rows(kind: str, body: bytes) -> list[FactRow]:
    """Return the rows of a body of this media type. Raises: Problem 413, 415, or 422 where no row can be read."""
    try:
        if kind == "text/csv":
            rows = fact_files.read_csv(_bounded(text_lines(BytesIO(body)), 2 * MAX_LINES))
        elif kind in ("application/x-ndjson", "application/ndjson"):
            text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if b"\n{" not in text:
                refuse_other_formats(text)
            rows = fact_files.read_ndjson(_bounded(BytesIO(text), 2 * MAX_LINES))
        else:
            raise Problem(415, "unsupported_media_type", "send the facts as application/x-ndjson or text/csv")
        return list(_bounded(rows, MAX_LINES))
    except UnreadableFileError as error:
        raise Problem(422, "malformed_csv" if kind == "text/csv" else "malformed_json", str(error)) from error


def _bounded(items: Iterable[T], at_most: int) -> Iterator[T]:
    """Yield the items. Millions of blank lines pack to nothing, and reading them would hold up all other callers."""
    for number, item in enumerate(items):
        if number == at_most:
            detail = f"over {MAX_LINES} facts, or over {2 * MAX_LINES} lines with blank ones; send less at once"
            raise Problem(413, "too_large", detail)
        yield item


async def _committed(
    rows: Sequence[FactRow],
    parse: Callable[[Sequence[FactRow]], Awaitable[list[Candidate]]],
    commit: Callable[[Sequence[Candidate]], Coroutine[Any, Any, list[Outcome | Exception]]],
    at_once: int,
) -> AsyncIterator[list[_Answered]]:
    """Yield group after group, in order, once it is committed; the next are parsed, and `at_once` are committed."""
    committing = deque[tuple[Sequence[FactRow], list[Candidate], asyncio.Task[list[Outcome | Exception]]]]()
    for start in range(0, len(rows), GROUP_AT_MOST):
        chunk = rows[start : start + GROUP_AT_MOST]
        candidates = await parse(chunk)
        if len(committing) == at_once:
            yield await _answered(*committing.popleft())
        committing.append((chunk, candidates, asyncio.create_task(commit(candidates))))
    while committing:
        yield await _answered(*committing.popleft())


async def _answered(
    rows: Sequence[FactRow], candidates: Sequence[Candidate], outcomes: Awaitable[list[Outcome | Exception]]
) -> list[_Answered]:
    lines = (row.line for row in rows)
    return [_Answered(*one) for one in zip(lines, candidates, await outcomes, strict=True)]


async def _parsed(rows: Sequence[FactRow], parser: Parser, clock: Clock) -> list[Candidate]:
    candidates: list[Candidate] = []
    for start in range(0, len(rows), _PARSED_AT_ONCE):
        await asyncio.sleep(0)
        now = clock.now()
        candidates += [_candidate(row.content, parser, now) for row in rows[start : start + _PARSED_AT_ONCE]]
    return candidates


def _candidate(content: bytes | Refusal, parser: Parser, now: datetime) -> Candidate:
    return parser.parse(content, now) if isinstance(content, bytes) else Candidate(None, refusal=content)


async def _outcomes(
    candidates: Sequence[Candidate], caller: Caller, intake: Intake, traceparent: str | None
) -> list[Outcome | Exception]:
    """Return the outcome of each line. An error of the store is the outcome of every line in its group."""
    known: dict[int, Outcome | Exception] = {}
    for at, candidate in enumerate(candidates):
        if refused := source_refused(candidate, caller):
            known[at] = refused
        elif candidate.key is None:
            known[at] = Outcome(Result.REFUSED, candidate.refusal)
    put = [candidate for at, candidate in enumerate(candidates) if at not in known]
    answers = iter(await intake.put_all(put, traceparent))
    return [known[at] if at in known else next(answers) for at in range(len(candidates))]


def _body(results: Sequence[Json], niks: Sequence[str]) -> bytes:
    errors = any("code" in result for result in results)
    return msgspec.json.encode({"errors": errors, "warnings": _warnings(niks), "results": results})


def _warnings(niks: Sequence[str]) -> list[Json]:
    """Return a warning where a spreadsheet seems to have kept 15 digits of the NIKs.

    Then most end in 0, and those of different people have become the same.
    """
    rounded = [nik for nik in niks if nik[-1] == "0"]
    if 2 * len(rounded) <= len(niks) or not 1 < len(set(rounded)) < len(rounded):
        return []
    detail = f"most NIKs end in 0 and some are alike: a spreadsheet kept 15 digits; {AS_TEXT}, and correct these facts"
    return [{"code": "rounded_identities", "field": "data.identity", "detail": detail}]


def _result(number: int, candidate: Candidate, outcome: Outcome | Exception) -> Json:
    source, id_ = candidate.named
    if not (isinstance(outcome, Outcome) and outcome.refusal is None):
        # In a file whose columns were shifted an identity stands in another's place. The line says which fact it is.
        source, id_ = (name and masked(name) for name in candidate.named)
    line: Json = {"line": number, "source": source, "id": id_}
    if isinstance(outcome, Problem):
        return line | {"outcome": "refused", "code": outcome.code, "field": "source", "detail": outcome.detail}
    if isinstance(outcome, TransientError):
        return line | {"outcome": "not_stored", "code": "unavailable", "detail": f"{outcome}; send this line again"}
    if isinstance(outcome, PermanentError):
        return line | {"outcome": "not_stored", "code": "failed", "detail": "an operator must act; send it again then"}
    if isinstance(outcome, Exception):
        raise outcome
    if outcome.refusal is not None:
        refusal = outcome.refusal
        return line | {"outcome": "refused", "code": refusal.code, "field": refusal.field, "detail": refusal.detail}
    if outcome.result is Result.CONFLICT:
        return line | {"outcome": "conflict", "code": "conflict", "field": "id", "detail": "another fact has this id"}
    return line | {"outcome": outcome.result.value}
