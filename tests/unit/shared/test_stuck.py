"""Liveness of a reader: only a poll that never ends is stuck."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry

from shared.adapters.kafka_batches import ONE_AT_A_TIME
from shared.adapters.kafka_partitions import OwnedPartitions, ReaderMetrics
from shared.adapters.kafka_reader import KafkaReader
from tests.fakes import ManualClock


class _Waiting(KafkaReader[Any]):
    """A reader whose Kafka is the test's."""

    _consumer: Any = None


async def test_only_a_poll_that_never_ends_is_stuck() -> None:
    """A reader that has not started, or waits for its store, is alive: a restart would bring no server back."""
    clock, ended = ManualClock(), asyncio.Event()
    owned = OwnedPartitions("t", clock, ReaderMetrics(CollectorRegistry()))
    sink: Any = None
    reader = _Waiting(KafkaBroker(logger=None), owned, "g", "i", sink, clock, limits=ONE_AT_A_TIME, reset="earliest")

    async def getmany(**_: object) -> dict[Any, Any]:
        await ended.wait()
        return {}

    reader._consumer = SimpleNamespace(getmany=getmany)
    clock.advance(timedelta(hours=1))
    assert await reader.stuck() is None
    polling = asyncio.create_task(reader._poll())
    await asyncio.sleep(0)
    assert await reader.stuck() is None
    clock.advance(timedelta(minutes=3))
    assert "has not ended" in str(await reader.stuck())
    ended.set()
    await polling
    assert await reader.stuck() is None
