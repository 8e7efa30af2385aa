"""The partitions of a topic that this replica has: which are read, how far each is, and which are stopped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.runtime.clock import Clock


class ReaderMetrics:
    """Lag and trouble of a service's subscriptions; labels: topic, partition."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("topic", "partition")
        self.lag_records = Gauge("kafka_lag_records", "Records not yet applied", labels, registry=registry)
        self.lag_seconds = Gauge(
            "kafka_lag_seconds", "Age of the newest applied record while behind; 0 when caught up", labels,
            registry=registry,
        )  # fmt: skip
        self.retries = Counter(
            "kafka_apply_retries_total", "Batches applied again after a passing error", ("topic",), registry=registry
        )
        self.stopped = Gauge(
            "kafka_partition_stopped", "1 where a partition waits for an operator", labels, registry=registry
        )


class OwnedPartitions:
    """What the reader of a topic knows of its partitions. It is made first: whoever asks needs no reader.

    `stopped` gives the reason for each partition that waits for an operator, `next_offsets` the offset after the last
    applied record of each partition.
    """

    def __init__(self, topic: str, clock: Clock, metrics: ReaderMetrics) -> None:
        self.topic = topic
        self.metrics = metrics
        metrics.retries.labels(topic)
        self._clock = clock
        self._assigned: set[int] = set()
        self._arriving: set[int] = set()
        self._taken_up: set[int] = set()
        self.stopped: dict[int, str] = {}
        self.next_offsets: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are read now."""
        return frozenset(self._assigned - self.stopped.keys())

    def reads(self, partition: int) -> bool:
        """Say whether the partition is read now. It is asked for each region that changes."""
        return partition in self._assigned and partition not in self.stopped

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions that are read, or will be once their position is known and the topic holds it."""
        return self.partitions | self._arriving

    @property
    def caught_up(self) -> frozenset[int]:
        """The partitions whose last known record is applied."""
        return frozenset(partition for partition in self._assigned if self._lag(partition) == 0)

    def remaining(self, partition: int, offset: int) -> int:
        """Return how many records the topic has from this offset on, as far as Kafka has told."""
        return self._ends.get(partition, 0) - offset

    def drain_taken_up(self) -> frozenset[int]:
        """Return the partitions that were taken up since the last call."""
        taken_up, self._taken_up = frozenset(self._taken_up), set()
        return taken_up

    def expect(self, partitions: Collection[int]) -> None:
        """Note that the positions of these partitions are being looked up."""
        self._arriving.update(partitions)

    def take_up(self, partition: int, offset: int) -> None:
        """Note that the partition is read from this offset on."""
        self.stopped.pop(partition, None)
        self._arriving.discard(partition)
        self._assigned.add(partition)
        self._taken_up.add(partition)
        self.next_offsets[partition] = offset

    def stop(self, partition: int, reason: str) -> None:
        """Note that the partition waits for an operator."""
        self._assigned.add(partition)
        self.stopped[partition] = reason
        self.metrics.stopped.labels(self.topic, partition).set(1)

    def release(self, partitions: Collection[int]) -> None:
        """Note that these partitions are another replica's; their offsets are kept until `forget`."""
        for kept in (self._assigned, self._arriving, self._taken_up):
            kept.difference_update(partitions)

    def forget(self, partitions: Iterable[int]) -> None:
        """Drop the offsets of released partitions, and their metrics: another replica shows them now."""
        for partition in partitions:
            for kept in (self.next_offsets, self._ends, self.stopped):
                kept.pop(partition, None)
            for gauge in (self.metrics.lag_records, self.metrics.lag_seconds, self.metrics.stopped):
                gauge.remove(self.topic, partition)

    def applied(self, partition: int, next_offset: int | None, written_at: datetime | None) -> None:
        """Note that the partition's records before this offset are durable; the last was written then."""
        assert next_offset is not None
        self.next_offsets[partition] = next_offset
        now = self._clock.now()
        behind_s = 0.0 if self._lag(partition) == 0 else (now - (written_at or now)).total_seconds()
        self.metrics.lag_seconds.labels(self.topic, partition).set(max(0.0, behind_s))

    def ends_at(self, ends: Mapping[int, int]) -> None:
        """Note the end offsets that Kafka told last, and show the lag."""
        self._ends.update(ends)
        for partition in self._assigned:
            lag = self._lag(partition)
            self.metrics.lag_records.labels(self.topic, partition).set(lag or 0)
            if partition not in self.stopped:
                self.metrics.stopped.labels(self.topic, partition).set(0)
            if lag == 0:
                self.metrics.lag_seconds.labels(self.topic, partition).set(0)

    def _lag(self, partition: int) -> int | None:
        """Return the number of records still to apply; None before Kafka has told where the partition ends."""
        end = self._ends.get(partition)
        return None if end is None else max(0, end - self.next_offsets.get(partition, 0))
