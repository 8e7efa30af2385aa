"""An idempotent producer whose every call ends within a bounded time; FastStream's publishers send through it too."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from faststream.kafka import KafkaBroker
from faststream.kafka.publisher.producer import AioKafkaFastProducerImpl
from faststream.kafka.response import KafkaPublishCommand

from shared.adapters.kafka_access import KafkaAccess, started, stopped
from shared.runtime.errors import PermanentError, TransientError

_STARTED_WITHIN_S: Final = 10.0
_ACKNOWLEDGED_WITHIN_S: Final = 15.0
"""Longer than a leader election; after it the caller tries again, and readers drop what came twice."""
_STOPPED_WITHIN_S: Final = 5.0
"""`stop()` waits for records that are being sent, and can hang while Kafka is down."""
_LINGER_MS: Final = 1
"""Lets records that are sent at the same time share a batch; more would only add latency."""
_BATCH_BYTES: Final = 128 * 1024
"""A flush of snapshots or changes then takes few requests; a topic's limit is 1 MiB unless set."""
_NEVER: Final = frozenset({"MessageSizeTooLargeError", "TopicAuthorizationFailedError", "InvalidTopicError"})
"""Errors with which Kafka will refuse the same record again."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record for a chosen partition. In a compacted topic a value of None deletes the key."""

    partition: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@lru_cache(maxsize=100_000)
def partition_for(key: str, partitions: int) -> int:
    """Return the partition Kafka's own default partitioner gives this key."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


class Producer:
    """Publishes with `acks=all`. After any failure it starts a new client: an idempotent one cannot go on."""

    def __init__(self, access: KafkaAccess, client_id: str) -> None:
        self._access = access
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Return once all in-sync replicas have acknowledged every record; order per partition is kept.

        Raises: TransientError when Kafka did not acknowledge in time; any part may have been written then.
        PermanentError when Kafka will never take a record (too large, or no right to write).
        """
        try:
            producer = await self._started(topic)
            async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
                await asyncio.gather(
                    *(_send(producer, topic, partition, mine) for partition, mine in _by_partition(records).items())
                )
        except (KafkaError, TimeoutError, OSError) as error:
            await self.stop()
            if isinstance(error, KafkaError) and not error.retriable and type(error).__name__ in _NEVER:
                raise PermanentError(f"Kafka refused a record for {topic}: {type(error).__name__}") from error
            raise TransientError(f"Kafka did not acknowledge records for {topic} ({type(error).__name__})") from error

    async def _started(self, topic: str) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._access.client_options(),
                    client_id=self._client_id,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=_LINGER_MS,
                    max_batch_size=_BATCH_BYTES,
                )
                # A client that knows no topic and has trouble asks Kafka about all topics. Each hundred of them, of
                # whoever shares the cluster, keep the event loop for 5 ms.
                producer.client.add_topic(topic)
                try:
                    await started(producer.start(), _STARTED_WITHIN_S)
                except BaseException:
                    await self._stop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        """Close the connection; records that are being sent get a few seconds."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._stop(producer)

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        await stopped(producer.stop(), over_tls=self._access.tls is not None, within_s=_STOPPED_WITHIN_S)


class PublishersProducer(AioKafkaFastProducerImpl):
    """What the publishers of a FastStream broker send through: our producer, for its guarantees (ADR 0023).

    FastStream's own is started and stopped with the broker, not after a failure, and waits without a limit.
    """

    def __init__(self, producer: Producer) -> None:
        super().__init__(parser=None, decoder=None)
        self._ours = producer

    async def publish(self, cmd: KafkaPublishCommand) -> Any:
        """Return once the record is acknowledged. Headers are those given: FastStream's own are left out.

        Raises: as `Producer.publish`.
        """
        value = cmd.body if isinstance(cmd.body, bytes) else msgspec.json.encode(cmd.body)
        headers = tuple((name, text.encode()) for name, text in cmd.headers.items())
        await self._ours.publish(cmd.destination, [Record(cmd.partition or 0, cmd.key or b"", value, headers)])


def publish_through(broker: KafkaBroker, producer: Producer) -> None:
    """Have the publishers of the broker send through this producer."""
    broker.config.broker_config.producer = PublishersProducer(producer)


def _by_partition(records: Sequence[Record]) -> dict[int, list[Record]]:
    apart: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        apart[record.partition].append(record)
    return apart


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Record]) -> None:
    """Return once one partition's records are acknowledged.

    Several go in batches of our own: a future for each record, as `send` makes, costs four times as much. A single one
    goes through `send`, which puts records that several callers send at the same time into one batch.
    """
    if len(records) == 1:
        (record,) = records
        await producer.send_and_wait(topic, record.value, record.key, partition=partition, headers=list(record.headers))
        return
    pending = []
    batch = producer.create_batch()
    for record in records:
        if not _added(batch, record):
            pending.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            _added(batch, record)
    pending.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*pending)


def _added(batch: BatchBuilder, record: Record) -> bool:
    """Say whether the batch took the record; an empty one takes any, and Kafka judges its size."""
    taken = batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
    return taken is not None
