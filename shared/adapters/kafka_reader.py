"""Reads a topic partition by partition, from positions that its sink keeps; no error ends the loop.

FastStream owns the subscription. The loop over `getmany` is ours, since FastStream's own swallows errors and mixes
partitions (ADR 0003).
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, Literal

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shared.adapters.kafka_access import started, stopped
from shared.adapters.kafka_batches import B, BatchWriter, Limits, Sink, pause_before
from shared.adapters.kafka_partitions import OwnedPartitions
from shared.adapters.kafka_poll import (
    ANSWER_BYTES,
    FETCH_BYTES,
    POLL_TIMEOUT_MS,
    RecordsByPartition,
    find_unreadable,
    gather,
    rewind,
)
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.logging import logger
from shared.runtime.tasks import repeat, running

_log = logger(__name__)

_SILENT_POLL: Final = timedelta(seconds=30)
"""A loop that has not asked Kafka for so long is stuck."""
_STUCK_POLL: Final = timedelta(minutes=2)
"""A poll takes a fraction of a second; the client's own longest timeout is 40 s."""
_COMMIT_EVERY: Final = timedelta(seconds=1)
"""By time, not by batch: a commit each batch would halve the rate. After a kill, a sink without positions of its own
reads so much again."""
_BROKER_START_TIMEOUT_S: Final = 30
_LAST_COMMIT_S: Final = 2.0
"""On the way out: while Kafka is away a commit would be tried for ever."""


class KafkaReader(ConsumerRebalanceListener, Generic[B]):  # type: ignore[misc]
    """One replica's part of a consumer group: it polls, seeks and pauses; a `BatchWriter` makes records durable."""

    def __init__(
        self, broker: KafkaBroker, owned: OwnedPartitions, group: str, instance: str, sink: Sink[B], clock: Clock,
        *, limits: Limits, reset: Literal["earliest", "none"],
    ) -> None:  # fmt: skip
        self._topic = owned.topic
        self._owned = owned
        self._sink = sink
        self._writer = BatchWriter(sink, owned, limits)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._assignments = 0
        self._not_started: str | None = None
        self._last_poll: datetime | None = None
        self._polling_since: datetime | None = None
        self._broker = broker
        self._over_tls = broker.specification.security is not None
        self._subscriber = broker.subscriber(
            self._topic,
            group_id=group,
            group_instance_id=instance,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset=reset,
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=45_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=60_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=ANSWER_BYTES,
            fetch_max_wait_ms=POLL_TIMEOUT_MS,
            listener=self,
            include_in_schema=False,
        )

    @property
    def _consumer(self) -> Any:
        """The running consumer, which aiokafka leaves untyped; FastStream makes a new one at every start."""
        return self._subscriber.consumer

    async def run(self) -> None:
        """Read until cancelled; then leave without telling the group, so that a quick restart moves nothing.

        What was applied by then is committed, so that the restart reads none of it again.
        """
        try:
            await self._start()
            async with running(repeat(self._commit_hint, _COMMIT_EVERY, "committing offsets")):
                while True:
                    await self._step()
                    # `getmany` does not yield while it has data: others must get their turn.
                    await asyncio.sleep(0)
        finally:
            await self._writer.drain()
            await self._commit_last()
            await stopped(self._subscriber.stop(), over_tls=self._over_tls)

    async def _start(self) -> None:
        attempt = 0
        while True:
            try:
                await started(self._join(), _BROKER_START_TIMEOUT_S)
                self._not_started = None
                return
            except (KafkaError, TimeoutError, OSError) as error:
                attempt += 1
                self._not_started = type(error).__name__
                _log.warning("Kafka or the topic is not there yet", topic=self._topic, error=self._not_started)
                await stopped(self._subscriber.stop(), over_tls=self._over_tls)
                await pause_before(attempt)

    async def _join(self) -> None:
        await self._broker.connect()
        await self._subscriber.start()

    async def _step(self) -> None:
        """Deal with failed partitions, then poll once. A poll that brings nothing ends the waiting for more."""
        await self._give_up_failed()
        try:
            polled = await self._poll()
        except KafkaError as error:
            _log.error("Kafka did not give records", topic=self._topic, error=type(error).__name__)
            self._writer.commit_waiting(patient=False)
            await pause_before(1)
            return
        self._last_poll = self._clock.now()
        self._owned.ends_at(self._ends())
        await self._writer.take(polled)

    def _ends(self) -> dict[int, int]:
        """Return the end offsets that Kafka told with the records fetched last."""
        ends = {at.partition: self._consumer.highwater(at) for at in self._consumer.assignment()}
        return {partition: end for partition, end in ends.items() if end is not None}

    async def _poll(self) -> RecordsByPartition:
        """Return what Kafka has; where a poll fails the positions stay, and a partition at fault is stopped."""
        assignments = self._assignments
        self._polling_since = self._clock.now()
        try:
            polled = await gather(self._consumer)
        except KafkaError:
            rewind(self._consumer, self._read_to())
            raise
        except Exception as error:
            _log.error("a record cannot be read", topic=self._topic, error=type(error).__name__)
            return await self._fail_at_unreadable()
        finally:
            self._polling_since = None
        if assignments == self._assignments:
            return polled
        # Some records may be of an assignment that is over: nothing says which, so all are fetched again.
        rewind(self._consumer, self._read_to())
        return {}

    async def _fail_at_unreadable(self) -> RecordsByPartition:
        """Take the records before the one that the client cannot read; its partition has failed."""
        found = await find_unreadable(self._consumer, self._read_to())
        if found is not None:
            await self._writer.take({found.partition: found.before} if found.before else {})
            if found.partition in self._owned.partitions:
                why = f"the record at offset {found.offset} cannot be read ({type(found.error).__name__})"
                self._writer.failed.setdefault(found.partition, PermanentError(why))
        return {}

    def _read_to(self) -> dict[TopicPartition, int]:
        return {TopicPartition(self._topic, partition): offset for partition, offset in self._writer.read_to().items()}

    async def _give_up_failed(self) -> None:
        """Read positions anew where another replica was ahead, else stop; first, what was taken must be durable.

        This happens here and not when the batch failed, since now no record that was fetched before is in hand.
        """
        for partition in self._writer.at_rest():
            async with self._lock:
                if error := self._writer.failed.pop(partition, None):
                    await self._give_up(partition, error)

    async def _give_up(self, partition: int, error: Exception) -> None:
        if isinstance(error, FencedError):
            _log.warning("another replica was ahead", partition=partition, error=str(error))
            await self._take_up([TopicPartition(self._topic, partition)])
        else:
            self._stop(partition, str(error) if isinstance(error, PermanentError) else _place_of(error))

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Wait for the batches in flight of these partitions, then let the partitions go."""
        gone = {at.partition for at in revoked}
        self._owned.release(gone)
        await self._writer.release(gone)
        async with self._lock:
            # Again: whoever had the lock may have taken one of them up anew.
            self._owned.release(gone)
            await self._commit_hint()
            self._owned.forget(gone)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take the partitions up at their positions.

        They are paused before the first await: aiokafka hands out fetched records while this callback waits. aiokafka
        goes on after a callback that raised, so nothing may be raised here.
        """
        if assigned:
            self._consumer.pause(*assigned)
        async with self._lock:
            await self._take_up(assigned)
        self._assignments += 1

    async def _take_up(self, partitions: Collection[TopicPartition]) -> None:
        numbers = [at.partition for at in partitions]
        self._writer.forget(numbers)
        self._owned.expect(numbers)
        attempt = 0
        while partitions:
            try:
                batches = await self._sink.assigned(numbers)
                positions = {at: one.next_offset for at, one in batches.items() if one.next_offset is not None}
                outside = await self._outside(positions)
                break
            except (TransientError, KafkaError) as error:
                attempt += 1
                _log.warning("positions not read yet", topic=self._topic, attempt=attempt, error=str(error))
                await pause_before(attempt)
            except PermanentError as error:
                for partition in numbers:
                    self._stop(partition, str(error))
                return
        if partitions:
            self._writer.begin(batches)
        for at in partitions:
            if at.partition in positions:
                # Also where it cannot begin: the client complains at every poll of a partition without a position.
                self._consumer.seek(at, positions[at.partition])
            if at.partition in outside:
                self._stop(at.partition, outside[at.partition])
                continue
            try:
                self._owned.take_up(at.partition, await self._consumer.position(at))
            except KafkaError as error:
                self._stop(at.partition, f"Kafka does not tell where it begins ({type(error).__name__})")
            else:
                self._consumer.resume(at)

    async def _outside(self, positions: Mapping[int, int]) -> dict[int, str]:
        """Return the partitions whose position the topic does not reach, or no longer holds, and what to do."""
        places = {TopicPartition(self._topic, partition): offset for partition, offset in positions.items()}
        first, end = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        return {
            at.partition: f"partition {at.partition}: offset {offset} is next, and the topic holds {first[at]} to "
            f"{end[at]}; it was made anew or lost records: have what is missing published again, then resume"
            for at, offset in places.items()
            if not first[at] <= offset <= end[at]
        }

    async def resume(self, partition: int) -> None:
        """Take a stopped partition up again at its position; nothing happens to one that is not stopped here."""
        if partition in self._owned.stopped:
            async with self._lock:
                if partition in self._owned.stopped:
                    await self._take_up([TopicPartition(self._topic, partition)])

    def _stop(self, partition: int, reason: str) -> None:
        self._consumer.pause(TopicPartition(self._topic, partition))
        self._owned.stop(partition, reason)
        _log.error("partition stopped until someone acts", topic=self._topic, partition=partition, reason=reason)

    async def _commit_hint(self) -> None:
        """Commit offsets to Kafka, for tools that show lag, and as the position where the sink keeps none."""
        offsets = {TopicPartition(self._topic, at): offset for at, offset in self._owned.next_offsets.items()}
        try:
            if offsets and self._consumer:
                await self._consumer.commit(offsets)
        except KafkaError as error:
            _log.warning("offsets not committed", topic=self._topic, error=type(error).__name__)

    async def _commit_last(self) -> None:
        try:
            async with asyncio.timeout(_LAST_COMMIT_S), self._lock:
                await self._commit_hint()
        except TimeoutError:
            _log.warning("offsets not committed on the way out", topic=self._topic)

    async def stuck(self) -> str | None:
        """Say that a poll does not end, which only a restart can mend; None otherwise.

        A poll ends within its timeout whether Kafka answers or not, and waiting for the sink's store is no poll.
        """
        if self._polling_since is not None and self._clock.now() - self._polling_since > _STUCK_POLL:
            return f"a poll of {self._topic} has not ended since {self._polling_since}"
        return None

    async def trouble(self) -> str | None:
        """Say why this reader is not doing its work; None when it is. A health check."""
        if self._not_started:
            why = f"Kafka is away, does not let us in or has no topic {self._topic}; the log says which"
            return f"{why} ({self._not_started})"
        if not self._assignments:
            return f"no partition of {self._topic} assigned yet"
        if self._last_poll is None or self._clock.now() - self._last_poll > _SILENT_POLL:
            return f"Kafka was last polled for {self._topic} at {self._last_poll}"
        for partition, reason in self._owned.stopped.items():
            return f"partition {partition} of {self._topic} is stopped: {reason}"
        return None


def _place_of(defect: Exception) -> str:
    """Return what a defect is and where; not its own words, which may quote a record."""
    *_, (frame, line) = traceback.walk_tb(defect.__traceback__)
    return f"a defect of ours: {type(defect).__name__} at {Path(frame.f_code.co_filename).name}:{line}"
