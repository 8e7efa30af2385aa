"""`python -m benchmarks.coverage.peer BOOTSTRAP TOPIC URI DATABASE`: what is usually written for such a topic.

A FastStream handler takes one message, which Pydantic reads; one `update_one` raises the village's counters. It keeps
neither history nor flows nor dimensions, and counts a message twice that comes twice. So a reader sees what our design
costs or buys beside the common way; it is no limit.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, defaultdict
from typing import Any, Final

from faststream import FastStream
from faststream.kafka import KafkaBroker
from motor.motor_asyncio import AsyncIOMotorClient

from shared.contracts.changes import Change

_GROUP: Final = "peer"
COLLECTION: Final = "villages"
"""One document a village: its counters, and under `changes` how many messages it was raised by."""


def application(bootstrap: str, topic: str, uri: str, database: str) -> FastStream:
    """Return the application, which commits offsets as FastStream does by default."""
    broker = KafkaBroker(bootstrap, logger=None)
    mongo: Any = AsyncIOMotorClient(uri)
    villages = mongo[database][COLLECTION]

    @broker.subscriber(topic, group_id=_GROUP, auto_offset_reset="earliest")
    async def count(change: Change) -> None:
        for village, gained in _gained(change).items():
            await villages.update_one({"_id": village}, {"$inc": gained}, upsert=True)

    return FastStream(broker, logger=None)


def _gained(change: Change) -> dict[str, Counter[str]]:
    """Return by how much each counter of each village rises or falls; nearly always of one village."""
    gained: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for state, sign in ((change.before, -change.diff), (change.after, change.diff)):
        if state is not None:
            names = ["registered", f"segments.{state.segment}", *(f"programmes.{name}" for name in state.programmes)]
            gained[state.region].update(dict.fromkeys(names, sign))
            gained[state.region]["active"] += sign * state.active
    for counters in gained.values():
        counters["changes"] += 1
    return gained


if __name__ == "__main__":
    asyncio.run(application(*sys.argv[1:]).run())
