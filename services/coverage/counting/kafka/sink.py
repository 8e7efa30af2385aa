"""Changes from Kafka: what can be read is taken in, what cannot is set aside before the flush that passes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord

from services.coverage.counting.apply import Applier, Sealed
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import SequenceGap
from services.coverage.counting.kafka.decoder import ChangeDecoder, Unusable
from services.coverage.metrics import CoverageMetrics
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.kafka_reader import written_at
from shared.runtime.errors import PermanentError


@dataclass(frozen=True, slots=True)
class Refused:
    """A record to be set aside, and why."""

    record: ConsumerRecord
    why: Unusable


class ChangeSink:
    """The sink of the reader of changes."""

    def __init__(
        self,
        applier: Applier,
        dead_letters: DeadLetters,
        decoder: ChangeDecoder,
        metrics: CoverageMetrics,
        on_assigned: Callable[[Collection[int]], None],
    ) -> None:
        self._applier = applier
        self._dead_letters = dead_letters
        self._decoder = decoder
        self._metrics = metrics
        self._on_assigned = on_assigned
        self._refused: defaultdict[int, list[Refused]] = defaultdict(list)
        self._set_aside: dict[int, int] = {}

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset to begin at for every partition, from its checkpoint."""
        self.forget(partitions)
        positions = await self._applier.take_up(partitions)
        self._on_assigned(partitions)
        return {partition: position.next_offset for partition, position in positions.items()}

    def take(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """Add up what can be read. Raises: PermanentError at a gap, with what stands before it taken."""
        changes: list[CountedChange] = []
        refused: list[Refused] = []
        decode = self._decoder.decode
        for record in records:
            try:
                changes.append(decode(record.value, partition))
            except Unusable as why:
                refused.append(Refused(record, why))
        if refused:
            self._refused[partition] += refused
        try:
            self._applier.take(partition, changes, records[-1].offset + 1, written_at(records[-1]))
        except SequenceGap as gap:
            unusable = {item.record.offset for item in refused}
            at = [record for record in records if record.offset not in unusable][gap.place]
            self._applier.take(partition, changes[: gap.place], at.offset, written_at(at))
            self._metrics.gap()
            raise PermanentError(str(gap)) from gap

    def waiting(self) -> Mapping[int, int]:
        """Return how much waits, by partition."""
        return self._applier.waiting()

    def seal(self, partitions: Collection[int]) -> Sequence[Sealed]:
        """Return what waits of these partitions."""
        return self._applier.seal(partitions)

    async def commit(self, sealed: Sequence[Sealed]) -> None:
        """Make durable in two steps: (1) set aside what cannot be read, (2) flush the rest together with the offsets.

        A crash before 2 leaves the positions where they were: the records come again, a dead letter may stand twice.
        """
        for one in sealed:
            await self._put_aside(one.partition, one.next_offset)
        await self._applier.commit(sealed)

    async def _put_aside(self, partition: int, until: int) -> None:
        """Set aside what lies before the offset; a flush that is tried again does not repeat its dead letters."""
        waiting = self._refused[partition]
        while waiting and waiting[0].record.offset < until:
            item = waiting[0]
            if item.record.offset > self._set_aside.get(partition, -1):
                await self._dead_letters.put(item.record, item.why.reason, item.why.detail)
                self._set_aside[partition] = item.record.offset
                self._metrics.set_aside()
            waiting.pop(0)

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what waits of these partitions."""
        self._applier.forget(partitions)
        for partition in partitions:
            self._refused.pop(partition, None)
