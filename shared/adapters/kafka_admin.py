"""Creates the topics of the contract that are missing, and counts partitions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.adapters.kafka_access import KafkaAccess
from shared.contracts.topics import Topic
from shared.runtime.errors import PermanentError, TransientError

_KEEP_FOR_EVER: Final = "-1"
_KNOWN_WITHIN_S: Final = 30.0
_ASK_AGAIN_S: Final = 0.02


async def ensure_topics(access: KafkaAccess, topics: Sequence[Topic], copies: int = 1) -> None:
    """Create the topics that are missing; they can be used at once. Others are left as they are.

    Each partition gets that many copies; of three or more, all but one must have a record before it counts as written.

    Raises: TransientError when Kafka does not answer; PermanentError naming a topic that Kafka refused, or that has
    another number of partitions than agreed (records of one key would change partition).
    """
    async with _administration(access) as admin:
        existing = await _partitions(admin)
        for topic in topics:
            if existing.get(topic.name, topic.partitions) != topic.partitions:
                raise PermanentError(
                    f"topic {topic.name} has {existing[topic.name]} partitions and must have {topic.partitions}; "
                    "create it anew"
                )
        missing = [topic for topic in topics if topic.name not in existing]
        await _create(admin, missing, copies)
        await _until_known(admin, missing)


async def partitions(access: KafkaAccess) -> dict[str, int]:
    """Return how many partitions each topic has. Raises: TransientError when Kafka does not answer."""
    async with _administration(access) as admin:
        return await _partitions(admin)


@asynccontextmanager
async def _administration(access: KafkaAccess) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**access.client_options(), client_id="cakupan-topics")
    try:
        await admin.start()
        yield admin
    except (KafkaError, TimeoutError) as error:
        raise TransientError(f"Kafka at {access} does not answer ({type(error).__name__})") from error
    finally:
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    names = await admin.list_topics()
    described: list[dict[str, Any]] = await admin.describe_topics(names) if names else []
    return {found["topic"]: len(found["partitions"]) for found in described}


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], copies: int) -> None:
    if not topics:
        return
    answer = await admin.create_topics([_as_asked(topic, copies) for topic in topics])
    for name, code, *_ in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise PermanentError(f"Kafka refused topic {name}: {for_code(code).__name__}")


async def _until_known(admin: AIOKafkaAdminClient, created: Sequence[Topic]) -> None:
    """Wait until the brokers know the topics: the controller answers before it has informed them."""
    wanted = {topic.name for topic in created}
    async with asyncio.timeout(_KNOWN_WITHIN_S):
        while True:
            if wanted <= set(await admin.list_topics()):
                return
            await asyncio.sleep(_ASK_AGAIN_S)


def _as_asked(topic: Topic, copies: int) -> NewTopic:
    config = {
        "message.timestamp.type": "LogAppendTime" if topic.stamped_by_broker else "CreateTime",
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(int(topic.retention.total_seconds() * 1000)) if topic.retention else _KEEP_FOR_EVER,
        "min.insync.replicas": str(max(1, copies - 1)),
    }
    return NewTopic(topic.name, topic.partitions, copies, topic_configs=config)
