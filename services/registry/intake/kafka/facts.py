"""Takes facts from Kafka: they gather into the group commit like all others. Refused facts are reported on a topic."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from aiokafka import ConsumerRecord

from services.registry.domain.outcomes import Outcome, Result
from services.registry.intake.commit import Intake
from services.registry.intake.kafka.events import candidate_of, traceparent_of
from services.registry.intake.kafka.rejected import RejectedTopic, rejection_of
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import Candidate, Parser
from shared.adapters.kafka_poll import RecordsByPartition
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError

_IN_FLIGHT: Final = 100
"""While a backlog drains, a single fact by HTTP waits for a commit of this size. With more it waited longer, and the
backlog drained no faster. To parse so many takes some three milliseconds; then others get their turn."""
_TAKEN: Final = frozenset({Result.ACCEPTED, Result.DUPLICATE})

Place = tuple[int, int]
"""(partition, offset)."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A record, its candidate, and the outcome."""

    record: ConsumerRecord
    candidate: Candidate
    outcome: Outcome


class FactSink:
    """Applies what the reader of facts gives it.

    Kafka keeps the offsets; a fact that comes again is recognised by its (source, id). While facts are in flight
    nothing more is read. They are few among all that may wait, so that there is room for the other doors.
    """

    def __init__(
        self, parser: Parser, intake: Intake, rejected: RejectedTopic, clock: Clock, metrics: IntakeMetrics
    ) -> None:
        self._parser = parser
        self._intake = intake
        self._rejected = rejected
        self._clock = clock
        self._metrics = metrics
        self._finished: set[Place] = set()

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return no offset, so that each partition begins at the committed one."""
        self._finished = {place for place in self._finished if place[0] not in partitions}
        return {}

    async def apply(self, batches: RecordsByPartition) -> None:
        """Take the records in, in two steps: (1) all go through the group commit, (2) refused ones are reported.

        Only then do the offsets move on. After a crash before that the records come again: accepted ones are
        duplicates, refused ones may be on the rejected topic twice, under one key. Within a process, records that
        were finished before a passing error are not done again.
        Raises: TransientError when the intake is full, or MongoDB or Kafka is away.
        """
        started = perf_counter()
        records = [record for batch in batches.values() for record in batch]
        decided, error = await self._decided([record for record in records if _place(record) not in self._finished])
        taken = [one for one in decided if one.outcome.result in _TAKEN]
        refused = [one for one in decided if one.outcome.result not in _TAKEN]
        self._finish(taken, started)
        await self._rejected.publish([rejection_of(one.record, one.candidate, one.outcome) for one in refused])
        self._finish(refused, started)
        if error is not None:
            raise error
        self._finished.difference_update(map(_place, records))

    async def _decided(self, records: Sequence[ConsumerRecord]) -> tuple[list[_Decided], Exception | None]:
        """Return the records that could be decided, and the first error where not all could."""
        decided: list[_Decided] = []
        for start in range(0, len(records), _IN_FLIGHT):
            some, error = await self._decided_together(records[start : start + _IN_FLIGHT])
            decided += some
            if error is not None:
                return decided, error
        return decided, None

    async def _decided_together(self, records: Sequence[ConsumerRecord]) -> tuple[list[_Decided], Exception | None]:
        """Decide these records at once; return as above."""
        now = self._clock.now()
        candidates = [candidate_of(record, self._parser, now) for record in records]
        await asyncio.sleep(0)
        answers = await asyncio.gather(*map(self._outcome, records, candidates), return_exceptions=True)
        decided: list[_Decided] = []
        error: Exception | None = None
        for record, candidate, answer in zip(records, candidates, answers, strict=True):
            if isinstance(answer, Outcome):
                decided.append(_Decided(record, candidate, answer))
            elif isinstance(answer, (TransientError, PermanentError)):
                error = error or answer
            else:
                raise answer
        return decided, error

    async def _outcome(self, record: ConsumerRecord, candidate: Candidate) -> Outcome:
        if candidate.key is None:
            return Outcome(Result.REFUSED, candidate.refusal)
        return await self._intake.put(candidate, traceparent_of(record))

    def _finish(self, decided: Collection[_Decided], started: float) -> None:
        """Count each record once, and remember that it is finished."""
        self._metrics.answered([(one.candidate.type, one.outcome) for one in decided], perf_counter() - started)
        self._finished.update(_place(one.record) for one in decided)


def _place(record: ConsumerRecord) -> Place:
    return record.partition, record.offset
