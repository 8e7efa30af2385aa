"""Generations of counters in MongoDB: collections beside each other, of which the checkpoints name the live one.

A generation that is being built has checkpoints of its own (`checkpoints_2`); these are gone once it is live.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pymongo import UpdateOne

from services.coverage.counting.mongo.store import MongoStore, generation_of, of_generation
from shared.adapters.mongo import Mongo, Session, translating
from shared.runtime.errors import FencedError

_HOLD_MS: Final = 5_000
"""Long enough to read and write what came in the last moment, short enough that nobody calls it an outage."""
_NAME: Final = re.compile(r"counters(?:_(\d+))?")


@dataclass(frozen=True, slots=True)
class Builds:
    """The generation that is live, the one being built if there is one, and older ones that are kept."""

    live: int
    building: int | None
    old: tuple[int, ...]


class MongoGenerations:
    """The generations of coverage's database."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def builds(self) -> Builds:
        """Return which there are."""
        names, live = await self._mongo.names(), await generation_of(self._mongo)
        found = sorted(int(match[1] or 0) for match in map(_NAME.fullmatch, names) if match)
        building = next((n for n in found if n > live and of_generation("checkpoints", n) in names), None)
        return Builds(live, building, tuple(n for n in found if n not in (live, building)))

    async def changes(self) -> dict[int, int]:
        """Return how many changes the live generation, and the one being built, have counted."""
        builds, of = await self.builds(), dict[int, int]()
        for number in (builds.live, builds.building):
            if number is not None:
                store = MongoStore(self._mongo, None if number == builds.live else number)
                of[number] = sum(one.position.next_seq for one in (await store.checkpoints()).values())
        return of

    async def store(self, generation: int) -> MongoStore:
        """Return the store that fills this generation, with checkpoints of its own; made if it is not there.

        Only the rebuild that holds the lease may call it: a transaction that a killed one left open is ended, since it
        would make the first flush wait.
        """
        await self._mongo.end_orphans()
        store = MongoStore(self._mongo, generation)
        await store.prepare()
        return store

    async def hold(self) -> dict[int, int]:
        """Have every partition of the live generation stand still for some seconds; return their next numbers.

        A flush under way is written first; later ones wait. The hold ends by itself.
        """
        until = {"$add": ["$$NOW", _HOLD_MS]}
        with translating("hold the checkpoints"):
            await self._mongo["checkpoints"].update_many({}, [{"$set": {"held_until": until}}])
            found = await self._mongo["checkpoints"].find({}, {"next_seq": 1}).to_list(None)
        return {doc["_id"]: doc["next_seq"] for doc in found}

    async def flip(self, generation: int, held: Mapping[int, int]) -> None:
        """Make a generation that has counted up to the numbers held the live one, for all partitions at once.

        Its flushes were others than the live one's, so its regions have other positions: all are raised to the numbers
        held, so that none goes back. Raises: FencedError, with nothing changed, where a partition moved on.
        """
        counters = self._mongo[of_generation("counters", generation)]
        with translating("raise positions"):
            for partition, next_seq in held.items():
                await counters.update_many({"partition": partition}, {"$max": {"position": next_seq}})
        live = await generation_of(self._mongo)
        moves = [
            UpdateOne(
                {"_id": partition, "next_seq": next_seq, "generation": live if live else {"$in": [0, None]}},
                {"$set": {"generation": generation}, "$unset": {"held_until": ""}},
            )
            for partition, next_seq in held.items()
        ]

        async def work(session: Session) -> None:
            moved = await self._mongo["checkpoints"].bulk_write(moves, ordered=False, session=session)
            if moved.matched_count < len(moves):
                raise FencedError("a partition moved on while the generations were compared")

        await self._mongo.transact(work)
        await self._mongo.drop([of_generation("checkpoints", generation)])

    async def discard(self) -> int | None:
        """Delete the generation being built and return its number; only the holder of the lease may call it.

        The checkpoints go first: what a kill leaves behind then counts as old.
        """
        building = (await self.builds()).building
        if building is not None:
            await self._mongo.drop(of_generation(name, building) for name in ("checkpoints", "counters", "pages"))
        return building

    async def drop_old(self) -> tuple[int, ...]:
        """Delete the generations that are neither live nor being built, and return their numbers."""
        old = (await self.builds()).old
        await self._mongo.drop([of_generation(name, number) for number in old for name in ("counters", "pages")])
        return old
