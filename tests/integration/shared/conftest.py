"""What the tests of shared adapters on real servers have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts.topics import Topic
from tests.integration.shared.kafka_bench import Bench


@pytest.fixture
async def bench(kafka_bootstrap: str, namespace: str) -> AsyncIterator[Bench]:
    """A topic of this test's own."""
    access, topic = KafkaAccess(kafka_bootstrap), Topic(f"{namespace}read", key="none", partitions=2)
    await ensure_topics(access, [topic])
    writer = AIOKafkaProducer(**access.client_options())
    await writer.start()
    yield Bench(access, topic, writer)
    await writer.stop()
