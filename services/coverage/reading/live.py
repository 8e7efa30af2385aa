"""Regions as they change, for readers who stay: the same look for all who follow the same region, once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from shared.runtime.clock import Clock
from shared.runtime.errors import TransientError

EVERY: Final = timedelta(seconds=1)
_FORGOTTEN_AFTER: Final = timedelta(minutes=1)

Document = Mapping[str, Any]
Look = Callable[[], Awaitable[Sequence[Document]]]
Key = tuple[object, ...]


@dataclass(slots=True)
class _Seen:
    """What was seen at the last look."""

    at: datetime
    documents: Sequence[Document] = ()
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Live:
    """Lets many follow regions at the cost of one look a second for each thing that is followed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[Key, _Seen] = {}

    async def follow(self, key: Key, look: Look) -> AsyncIterator[list[Document]]:
        """Yield all documents that `look` gives, then each second those that differ in more than the moment of looking.

        Readers of one `key` share a look. Raises, as `look` does, where the first one fails; a store out of reach
        later is passed over, and the next look tells what changed meanwhile.
        """
        told: dict[str, Document] = {}
        documents = await self.latest(key, look)
        while True:
            yield news(told, documents)
            await asyncio.sleep(EVERY.total_seconds())
            with suppress(TransientError):
                documents = await self.latest(key, look)

    async def latest(self, key: Key, look: Look) -> Sequence[Document]:
        """Return what `look` gives, or gave less than a second ago."""
        now = self._clock.now()
        self._seen = {k: seen for k, seen in self._seen.items() if k == key or now - seen.at < _FORGOTTEN_AFTER}
        seen = self._seen.setdefault(key, _Seen(now - EVERY))
        async with seen.looking:
            if self._clock.now() - seen.at >= EVERY:
                seen.documents = await look()
                seen.at = self._clock.now()
        return seen.documents


def news(told: dict[str, Document], documents: Sequence[Document]) -> list[Document]:
    """Return the documents that were not told so before, and note them as told."""
    fresh = [document for document in documents if _content(document) != _content(told.get(document["region"], {}))]
    told.update((document["region"], document) for document in fresh)
    return fresh


def _content(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "as_of"}
