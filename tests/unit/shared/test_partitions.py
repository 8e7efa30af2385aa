"""The partitions of a topic that a replica has, and what it shows of them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.adapters.kafka_partitions import OwnedPartitions, ReaderMetrics
from tests.fakes import ManualClock


def test_what_was_given_up_is_in_no_metric() -> None:
    """Otherwise its last lag would stand there for ever, beside that of the replica which reads it now."""
    registry = CollectorRegistry()
    owned = OwnedPartitions("changes", ManualClock(), ReaderMetrics(registry))
    for partition in (0, 1):
        owned.take_up(partition, 5)
    owned.stop(1, "a gap")
    owned.ends_at({0: 9, 1: 9})
    owned.release([1])
    owned.forget([1])
    shown = {
        (sample.name, sample.labels["partition"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if "partition" in sample.labels
    }
    assert shown == {("kafka_lag_records", "0"): 4, ("kafka_partition_stopped", "0"): 0}
