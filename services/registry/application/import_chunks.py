"""A chunk of an import's rows on its way through the intake, and what it adds to the import's progress."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Final, Protocol

from services.registry.application.import_ports import OUTCOMES, Position, Progress, Rejected, Row
from services.registry.intake.commit import Outcome, Result
from services.registry.intake.parsing import Candidate
from services.registry.intake.shape import shown
from shared.runtime.backoff import delay
from shared.runtime.errors import PermanentError, TransientError

SOURCE_NOT_ALLOWED: Final = "source_not_allowed"
_TRIES: Final = 5
"""A group that fails for good may have failed for a fact of somebody else's: so it is tried again before we give up."""
_FIRST_PAUSE: Final = timedelta(milliseconds=100)
_LONGEST_PAUSE: Final = timedelta(seconds=5)

Sleep = Callable[[float], Awaitable[None]]


class Facts(Protocol):
    """The one way in."""

    def put(self, candidate: Candidate, traceparent: str | None = None) -> asyncio.Future[Outcome]:
        """See the intake."""
        ...


class ChunkMetrics(Protocol):
    """What is counted about facts, whatever their entrance."""

    def answered(self, type_: str, outcome: Outcome, seconds: float) -> None:
        """Count one fact's answer."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that go into the intake together. `doubtful` ones may have been sent before, by whom a kill ended."""

    start: Position
    rows: Sequence[Row]
    candidates: Sequence[Candidate]
    doubtful: bool

    @property
    def end(self) -> Position:
        """Where the next chunk begins."""
        return self.rows[-1].after


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of a row: one of OUTCOMES, and why it was not taken."""

    outcome: str
    code: str | None = None
    field: str | None = None
    detail: str = ""


_CONFLICT: Final = _Verdict("conflict", "conflict", "id", "another fact has this id")


class Chunks:
    """Sends chunks of one import."""

    def __init__(self, facts: Facts, sources: Sequence[str], metrics: ChunkMetrics, sleep: Sleep) -> None:
        self._facts = facts
        self._sources = frozenset(sources)
        self._metrics = metrics
        self._sleep = sleep

    async def answered(self, chunk: Chunk) -> Progress:
        """Return what the chunk adds, once every row of it is decided; what the store did not take is sent again.

        Raises: PermanentError where it fails again and again.
        """
        started = perf_counter()
        verdicts = {at: verdict for at, one in enumerate(chunk.candidates) if (verdict := self._refused(one))}
        left = [at for at in range(len(chunk.rows)) if at not in verdicts]
        tried = 0
        while left:
            if tried:
                await self._pause(tried)
            answers = await self._put([chunk.candidates[at] for at in left])
            again = chunk.doubtful or tried > 0
            for at, answer in zip(left, answers, strict=True):
                if isinstance(answer, Outcome):
                    self._metrics.answered(chunk.candidates[at].type, answer, perf_counter() - started)
                    verdicts[at] = _verdict(answer, again=again)
            left = [at for at in left if at not in verdicts]
            tried += 1
            _give_up(tried, answers, chunk)
        return _progress(chunk, [verdicts[at] for at in range(len(chunk.rows))])

    def _refused(self, candidate: Candidate) -> _Verdict | None:
        """Return the verdict on a row that need not be decided beside other facts."""
        if candidate.key is None:
            outcome = Outcome(Result.REFUSED, candidate.refusal)
            self._metrics.answered(candidate.type, outcome, 0.0)
            return _verdict(outcome, again=False)
        source = candidate.key[0]
        if source in self._sources:
            return None
        detail = f"the token that sent the file may not write facts of source {shown(source)}"
        return _Verdict("refused", SOURCE_NOT_ALLOWED, "source", detail)

    async def _put(self, candidates: Sequence[Candidate]) -> list[Outcome | BaseException]:
        answers: list[asyncio.Future[Outcome]] = []
        for candidate in candidates:
            try:
                answers.append(self._facts.put(candidate))
            except TransientError as error:
                answers.append(_failed(error))
        return await asyncio.gather(*answers, return_exceptions=True)

    async def _pause(self, tried: int) -> None:
        # All imports of a replica wait for the same store: there is no herd to spread.
        await self._sleep(delay(tried, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, chance=0.0).total_seconds())


def _failed(error: TransientError) -> asyncio.Future[Outcome]:
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _give_up(tried: int, answers: Sequence[Outcome | BaseException], chunk: Chunk) -> None:
    """Raise what will not pass by itself: a defect at once, the store's refusal after some tries."""
    for answer in answers:
        if isinstance(answer, Outcome | TransientError):
            continue
        if not isinstance(answer, PermanentError):
            assert isinstance(answer, BaseException)
            raise answer
        if tried >= _TRIES:
            lines = f"lines {chunk.rows[0].line} to {chunk.rows[-1].line}"
            raise PermanentError(f"{lines} could not be stored; an operator must act, then send the file again")


def _verdict(outcome: Outcome, *, again: bool) -> _Verdict:
    if outcome.refusal is not None:
        return _Verdict("refused", outcome.refusal.code.value, outcome.refusal.field, outcome.refusal.detail)
    if outcome.result is Result.CONFLICT:
        return _CONFLICT
    return _Verdict("repeated" if again and outcome.result is Result.DUPLICATE else outcome.result.value)


def _progress(chunk: Chunk, verdicts: Sequence[_Verdict]) -> Progress:
    counted = Counter(verdict.outcome for verdict in verdicts)
    rejected = [
        _rejected(row, candidate, verdict, verdict.code)
        for row, candidate, verdict in zip(chunk.rows, chunk.candidates, verdicts, strict=True)
        if verdict.code is not None
    ]
    return Progress(chunk.start, chunk.end, {name: counted[name] for name in OUTCOMES}, rejected)


def _rejected(row: Row, candidate: Candidate, verdict: _Verdict, code: str) -> Rejected:
    """Return the row without its content; an id that looks like an identity is not kept either."""
    source, id_ = (shown(part) for part in candidate.key) if candidate.key else (None, None)
    return Rejected(row.line, source, id_, code, verdict.field, verdict.detail)
