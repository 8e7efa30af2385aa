"""Changes from Kafka: what can be read is applied in one flush, what cannot is set aside first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka import ConsumerRecord

from services.coverage.adapters.metrics import CoverageMetrics
from services.coverage.application.apply import Applier, Plan
from services.coverage.domain.position import SequenceGap
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.kafka_poll import Batches
from shared.adapters.kafka_producer import partition_for
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import WIT, level_of, regency_of
from shared.runtime.errors import PermanentError

_decoder: Final = msgspec.json.Decoder(Change)
_PLACES: Final = frozenset({"regency", "district", "village"})

IsRegion = Callable[[str], bool]


class Unusable(Exception):  # noqa: N818 - it is the record's quality
    """A record that is no change of this partition, with the reason it is set aside under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


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
        is_region: IsRegion,
        metrics: CoverageMetrics,
        on_assigned: Callable[[Collection[int]], None],
    ) -> None:
        self._applier = applier
        self._dead_letters = dead_letters
        self._is_region = is_region
        self._metrics = metrics
        self._on_assigned = on_assigned
        self._set_aside: dict[int, int] = {}

    async def assigned(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset to begin at for every partition, from its checkpoint."""
        positions = await self._applier.take_up(partitions)
        self._on_assigned(partitions)
        return {partition: position.next_offset for partition, position in positions.items()}

    async def apply(self, batches: Batches) -> None:
        """Take the records in, in three steps: (1) see that no seq is missing, (2) set aside what cannot be read,
        (3) flush the rest together with the offsets.

        A crash before 3 leaves the positions where they were: the records come again, a dead letter may stand twice.
        Raises: PermanentError at a gap, with nothing applied.
        """
        plans, refused = [], []
        for partition, records in batches.items():
            changes, unusable = self._decoded(partition, records)
            plans.append(self._plan(partition, changes, records[-1], alone=len(batches) == 1))
            refused += unusable
        await self._put_aside(refused)
        await self._applier.commit(plans)

    def _plan(self, partition: int, changes: Sequence[Change], last: ConsumerRecord, *, alone: bool) -> Plan:
        written_at = datetime.fromtimestamp(last.timestamp / 1000, UTC)
        try:
            return self._applier.plan(partition, changes, last.offset + 1, written_at)
        except SequenceGap as gap:
            if alone:
                # Given with others, it comes again alone: count the stop once.
                self._metrics.gap()
            raise PermanentError(str(gap)) from gap

    def _decoded(self, partition: int, records: Sequence[ConsumerRecord]) -> tuple[list[Change], list[Refused]]:
        changes: list[Change] = []
        refused: list[Refused] = []
        for record in records:
            try:
                changes.append(decode(record.value, partition, self._is_region))
            except Unusable as why:
                refused.append(Refused(record, why))
        return changes, refused

    async def _put_aside(self, refused: Sequence[Refused]) -> None:
        """Set aside what was not yet: a flush that is tried again does not repeat its dead letters."""
        for item in refused:
            partition, offset = item.record.partition, item.record.offset
            if offset > self._set_aside.get(partition, -1):
                await self._dead_letters.put(item.record, item.why.reason, item.why.detail)
                self._set_aside[partition] = offset
                self._metrics.set_aside()


def decode(value: bytes | None, partition: int, is_region: IsRegion) -> Change:
    """Return the change that a record of this partition holds.

    Raises: Unusable with the reason `null_value`, `not_json`, `wrong_schema` or `unknown_region`.
    """
    if value is None:
        raise Unusable("null_value", "the record has no value")
    try:
        change = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise Unusable("wrong_schema", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Unusable("not_json", str(error)) from error
    _check_times(change)
    _check_places(change, partition, is_region)
    return change


def _check_times(change: Change) -> None:
    """Refuse instants without a zone, and those whose day in some zone is beyond the calendar."""
    try:
        for at in (change.effective_at, change.recorded_at):
            if at.tzinfo is None:
                raise Unusable("wrong_schema", "an instant has no zone")
            at.astimezone(UTC)
            at.astimezone(WIT)
    except OverflowError as error:
        raise Unusable("wrong_schema", "an instant is out of range") from error


def _check_places(change: Change, partition: int, is_region: IsRegion) -> None:
    states = [state for state in (change.before, change.after) if state is not None]
    if not states:
        raise Unusable("wrong_schema", "neither `before` nor `after` is given")
    for region in {state.region for state in states}:
        if not is_region(region) or level_of(region) not in _PLACES:
            raise Unusable("unknown_region", f"{region[:20]!r} is no regency, district or village")
        if partition_for(regency_of(region), PARTITIONS) != partition:
            raise Unusable("unknown_region", f"{region} is no region of partition {partition}")
