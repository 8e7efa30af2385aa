"""The bare hops: what the machine itself takes for each step that no design can leave out.

Each is done a number of times, one after another, on the running but idle stack, with the durability that the services
use. So a ratio to their sum says what the services add, and not how fast the machine is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from time import perf_counter
from typing import Final

import aiosmtplib
import httpx
from aiokafka import AIOKafkaConsumer

from benchmarks.report import Spread
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer, Record
from shared.adapters.mongo import Mongo, Session
from shared.contracts.topics import Topic

_TIMES: Final = 200
_WARM_UP: Final = 20
"""First calls open connections and fill caches, which a service under load has behind it."""
_TOPIC: Final = Topic("benchmark.hop", key="none", partitions=1)
_PAYLOAD: Final = b"x" * 600
"""About the size of an encoded change."""

MONGODB_INSERT: Final = "mongodb insert, majority and journal"
MONGODB_TRANSACTION: Final = "mongodb transaction with $inc"
KAFKA_HOP: Final = "kafka produce and consume"
HTTP_GET: Final = "http get"
SMTP_SEND: Final = "smtp send"


async def mongodb_hops(uri: str, namespace: str) -> dict[str, Spread]:
    """Return the spreads of one durable insert and of one durable transaction that adds to a counter."""
    mongo = Mongo(uri, f"{namespace.replace('.', '_')}benchmark", "benchmark")
    rows, counters = mongo["rows"], mongo["counters"]

    async def insert() -> None:
        await rows.insert_one({"payload": _PAYLOAD})

    async def add(session: Session) -> None:
        await counters.update_one({"_id": "one"}, {"$inc": {"people": 1}}, upsert=True, session=session)

    try:
        await mongo.create(["rows", "counters"])
        return {
            MONGODB_INSERT: await _repeated(insert),
            MONGODB_TRANSACTION: await _repeated(lambda: mongo.transact(add)),
        }
    finally:
        mongo.close()


async def kafka_hop(access: KafkaAccess, namespace: str) -> dict[str, Spread]:
    """Return the spread of one record from `acks=all` produce until a waiting consumer holds it."""
    topic = _TOPIC.under(namespace)
    await ensure_topics(access, [topic])
    producer = Producer(access, client_id="benchmark")
    consumer = AIOKafkaConsumer(topic.name, **access.client_options(), auto_offset_reset="earliest")
    await consumer.start()

    async def hop() -> None:
        await producer.publish(topic.name, [Record(0, b"key", _PAYLOAD)])
        await consumer.getone()

    try:
        return {KAFKA_HOP: await _repeated(hop)}
    finally:
        await consumer.stop()
        await producer.stop()


async def http_get(url: str) -> dict[str, Spread]:
    """Return the spread of one GET over a kept connection."""
    async with httpx.AsyncClient() as client:

        async def get() -> None:
            (await client.get(url)).raise_for_status()

        return {HTTP_GET: await _repeated(get)}


async def smtp_send(host: str, port: int) -> dict[str, Spread]:
    """Return the spread of one small message, each over a connection of its own."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "benchmark@cakupan.local", "nobody@cakupan.local", "bare hop"
    mail.set_content("A message that says nothing.")

    async def send() -> None:
        await aiosmtplib.send(mail, hostname=host, port=port)

    return {SMTP_SEND: await _repeated(send)}


async def _repeated(step: Callable[[], Awaitable[None]]) -> Spread:
    for _ in range(_WARM_UP):
        await step()
    taken = []
    for _ in range(_TIMES):
        began = perf_counter()
        await step()
        taken.append(perf_counter() - began)
    return Spread.of(taken)
