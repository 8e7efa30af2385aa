"""The producer on a Kafka that it shares with others."""

from __future__ import annotations

import pytest
from aiokafka.producer.sender import Sender

from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer, Record
from shared.contracts.topics import Topic


async def test_a_producer_in_trouble_asks_about_its_own_topic_alone(
    kafka_bootstrap: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks again when Kafka gives it no number at first, and a cluster may hold thousands of topics."""
    access = KafkaAccess(kafka_bootstrap)
    own, other = Topic(f"{namespace}own", key="none", partitions=1), Topic(f"{namespace}other", key="none")
    await ensure_topics(access, [own, other])
    answered, refused = Sender._do_init_pid, list[int]()

    async def refused_once(sender: Sender, node: int) -> bool:
        if not refused:
            refused.append(node)
            return False
        return bool(await answered(sender, node))

    monkeypatch.setattr(Sender, "_do_init_pid", refused_once)
    producer = Producer(access, "test")
    await producer.publish(own.name, [Record(0, b"key", b"value")])
    assert producer._producer is not None
    assert (len(refused), producer._producer.client.cluster.topics()) == (1, {own.name})
    await producer.stop()
