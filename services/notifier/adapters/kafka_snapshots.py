"""Evaluates the snapshots of the topic; first sets aside records that are not snapshots."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka import ConsumerRecord

from services.notifier.application.evaluate import Evaluator, SnapshotBatch
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.application.ports import EvaluationStore
from shared.adapters.dead_letters import DeadLetters, UnusableRecord
from shared.adapters.kafka_poll import RecordsByPartition
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import WIT, level_of, parent_of
from shared.runtime.errors import FencedError

_decoder: Final = msgspec.json.Decoder(Snapshot)
_MAX_INTEGER: Final = 2**63
"""The limit of MongoDB's integers; no count of people or changes comes near it."""

IsRegion = Callable[[str], bool]


class SnapshotSink:
    """The sink of the reader of snapshots."""

    def __init__(
        self,
        evaluator: Evaluator,
        store: EvaluationStore,
        dead_letters: DeadLetters,
        is_region: IsRegion,
        metrics: NotifierMetrics,
    ) -> None:
        self._evaluator = evaluator
        self._store = store
        self._dead_letters = dead_letters
        self._is_region = is_region
        self._metrics = metrics
        self._positions: dict[int, int] = {}

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the next offset of every partition from the store."""
        positions = await self._store.positions(partitions)
        self._positions.update(positions)
        return positions

    async def apply(self, batches: RecordsByPartition) -> None:
        """Process the records in two steps: (1) set aside unusable records, (2) evaluate the others and store the
        positions in one transaction.

        After a crash before 2 the records are read again, and a dead letter may be written twice.
        """
        taken = [await self._batch(partition, records) for partition, records in batches.items()]
        await self._evaluator.evaluate(taken)
        self._positions.update({batch.partition: batch.after for batch in taken})

    async def _batch(self, partition: int, records: Sequence[ConsumerRecord]) -> SnapshotBatch:
        before, after = self._positions[partition], records[-1].offset + 1
        if records[0].offset < before:
            raise FencedError(f"partition {partition} was read from offset {records[0].offset}, not from {before}")
        snapshots = [snapshot for record in records if (snapshot := await self._readable(record)) is not None]
        return SnapshotBatch(partition, before, after, snapshots)

    async def _readable(self, record: ConsumerRecord) -> Snapshot | None:
        """Return the record's snapshot; None for a tombstone and for a record that is set aside."""
        try:
            return decode(record.key, record.value, self._is_region)
        except UnusableRecord as error:
            if await self._dead_letters.put(record, error):
                self._metrics.set_aside()
            return None


def decode(key: bytes | None, value: bytes | None, is_region: IsRegion) -> Snapshot | None:
    """Return the snapshot of a record; None for a tombstone, which a compacted topic may have.

    Raises: UnusableRecord with the reason `null_value`, `not_json`, `wrong_schema` or `unknown_region`.
    """
    region = (key or b"").decode("utf-8", "replace")
    if value is None:
        if not is_region(region):
            raise UnusableRecord("null_value", "neither a value nor a region's code as the key")
        return None
    try:
        snapshot = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise UnusableRecord("wrong_schema", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise UnusableRecord("not_json", str(error)) from error
    _check_region(snapshot, region, is_region)
    _check_values(snapshot)
    return snapshot


def _check_region(snapshot: Snapshot, key: str, is_region: IsRegion) -> None:
    region = snapshot.region
    if not is_region(region):
        raise UnusableRecord("unknown_region", f"{region[:20]!r} is no region")
    if key != region or snapshot.level != level_of(region) or snapshot.parent != parent_of(region):
        raise UnusableRecord("wrong_schema", f"key, level or parent do not fit region {region}")


def _check_values(snapshot: Snapshot) -> None:
    """Refuse values that the types allow but no count has: negative or huge numbers, instants without a zone."""
    if not all(0 <= number < _MAX_INTEGER for number in (snapshot.position, *_people(snapshot))):
        raise UnusableRecord("wrong_schema", "position or a number of people is out of range")
    changes = (count for kinds in snapshot.flows.values() for count in kinds.values())
    if not all(abs(number) < _MAX_INTEGER for count in changes for number in (count.registered, count.active)):
        raise UnusableRecord("wrong_schema", "a flow is out of range")
    for instant in (snapshot.as_of, snapshot.recorded_at):
        if instant is not None and not _is_representable(instant):
            raise UnusableRecord("wrong_schema", "an instant has no zone or is out of range")


def _people(snapshot: Snapshot) -> Iterator[int]:
    """Yield every number of people in the snapshot."""
    yield from (snapshot.registered, snapshot.active, snapshot.unplaced.registered, snapshot.unplaced.active)
    yield from (potential.value for potential in snapshot.potential.values())
    for ratio in (snapshot.coverage.registered, snapshot.coverage.active):
        if ratio is not None:
            yield from (ratio.numerator, ratio.denominator)


def _is_representable(instant: datetime) -> bool:
    try:
        return instant.tzinfo is not None and bool(instant.astimezone(UTC) and instant.astimezone(WIT))
    except OverflowError:
        return False
