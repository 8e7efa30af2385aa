"""Changes from Kafka: what can be read is counted, what cannot is set aside before the flush that passes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from aiokafka import ConsumerRecord

from services.coverage.counting.apply import Applier, ChangeBatch
from services.coverage.counting.domain.position import SequenceGap
from services.coverage.counting.kafka.decoder import ChangeDecoder, Refused
from services.coverage.counting.metrics import CountingMetrics
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.kafka_batches import written_at
from shared.runtime.errors import PermanentError


class ChangeSink:
    """The sink of the reader of changes."""

    def __init__(
        self, applier: Applier, dead_letters: DeadLetters, decoder: ChangeDecoder, metrics: CountingMetrics
    ) -> None:
        self._applier = applier
        self._dead_letters = dead_letters
        self._decoder = decoder
        self._metrics = metrics
        self._refused: defaultdict[int, list[Refused]] = defaultdict(list)

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, ChangeBatch]:
        """Return an empty batch for every partition, at the position of its checkpoint."""
        for partition in partitions:
            self._refused.pop(partition, None)
        return await self._applier.take_up(partitions)

    def take(self, batch: ChangeBatch, records: Sequence[ConsumerRecord]) -> None:
        """Add up what can be read. Raises: PermanentError at a gap, with what stands before it taken."""
        part, refused = self._decoder.part(records, batch.partition)
        if refused:
            self._refused[batch.partition] += refused
        last_at = written_at(records[-1])
        try:
            batch.take(part.changes, part.next_offset, last_at)
        except SequenceGap as gap:
            batch.take(part.changes[: gap.place], part.offsets[gap.place], last_at)
            self._metrics.gap()
            raise PermanentError(str(gap)) from gap

    async def commit(self, batches: Sequence[ChangeBatch]) -> None:
        """Make durable in two steps: (1) set aside what cannot be read, (2) flush the rest together with the offsets.

        A crash before 2 leaves the positions where they were: the records come again, a dead letter may stand twice.
        """
        for batch in batches:
            await self._put_aside(batch.partition, batch.next_offset)
        await self._applier.commit(batches)

    async def _put_aside(self, partition: int, until: int) -> None:
        """Set aside what lies before the offset."""
        refused = self._refused[partition]
        while refused and refused[0][0].offset < until:
            if await self._dead_letters.put(*refused[0]):
                self._metrics.set_aside()
            refused.pop(0)
