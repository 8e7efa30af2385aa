"""Counter documents in MongoDB: a block is a district with its villages, or a larger region alone.

A document lists packed sums; the block is their total. A flush appends what it adds without reading the document. Now
and then a flush replaces the list by one sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from zlib import crc32

import msgspec
from pymongo import UpdateOne

from services.coverage.counting.domain.counters import Tally, add_up
from services.coverage.counting.domain.flows import Flows, add_flows, flow_of, since
from services.coverage.counting.domain.movements import MOVES, SUMMED_LEVELS
from services.coverage.counting.domain.rollup import Rollup
from services.coverage.counting.ports import Flush
from shared.adapters.mongo import Document
from shared.regions.codes import DISTRICT_CODE, level_of

SELF: Final = "-"
"""The part of a block for the block's own region."""
_LISTED: Final = 32
"""About how many sums a document lists while they are small: a reader adds them up."""
_LISTED_ABOVE: Final = 4
"""Nation and provinces list fewer: a read takes one document of each partition, every second."""
_LISTED_BYTES: Final = 131_072
"""About how many bytes a document lists where sums are large."""

_encode: Final = msgspec.msgpack.Encoder().encode


class _Profiles(msgspec.Struct):
    """The people of a packed tally; what else it has is passed over."""

    people: dict[str, int]


_profiles: Final = msgspec.msgpack.Decoder(dict[str, _Profiles]).decode
_people: Final = msgspec.msgpack.Decoder(dict[str, Tally]).decode
_flows: Final = msgspec.msgpack.Decoder(dict[str, Flows]).decode


def block_of(region: str) -> str:
    """Return the region whose document holds this one: a village's district, or the region itself."""
    return region[:DISTRICT_CODE]


def part_of(region: str) -> str:
    """Return the name of the region's part in its block."""
    return region[DISTRICT_CODE + 1 :] or SELF


@dataclass(slots=True)
class Block:
    """Sums of documents, by part. A district is the sum of its parts, so nothing is written twice."""

    people: dict[str, Tally] = field(default_factory=dict)
    flows: dict[str, Flows] = field(default_factory=dict)

    @classmethod
    def of(cls, *documents: Document) -> Block:
        """Return the total of these documents, which belong to one block."""
        block = cls()
        for document in documents:
            block._add(document)
        return block

    def _add(self, document: Document) -> None:
        for packed in document.get("people", ()):
            for part, tally in _people(packed).items():
                self.people.setdefault(part, Tally()).add(tally)
        for packed in document.get("flows", ()):
            for part, flows in _flows(packed).items():
                add_flows(self.flows.setdefault(part, {}), flows)

    def tally(self, region: str) -> Tally:
        """Return the region's counts; a district's are its own part and all its villages."""
        own, level = self.people.get(part_of(region), Tally()), level_of(region)
        if level not in ("district", "village"):
            return own
        tally = own.as_below()
        tally.placed_here, tally.placed_here_active = own.registered, own.active
        if level == "village":
            return tally
        total = Tally()
        for part, found in self.people.items():
            total.add(tally if part == SELF else found.as_below())
        return total

    def flows_of(self, region: str, first: date) -> Flows:
        """Return the region's flows since that day; a district takes in its villages' flows, except their moves."""
        flows: Flows = {}
        for part, found in self.flows.items():
            if part == part_of(region):
                add_flows(flows, found)
            elif level_of(region) == "district":
                add_flows(flows, {code: days for code, days in found.items() if flow_of(code)[0] not in MOVES})
        return since(flows, first)

    def compact(self, flows_from: date) -> None:
        """Drop sums of 0, and flows before the day given, since no window shows them any more."""
        for tally in self.people.values():
            tally.people = {code: people for code, people in tally.people.items() if people}
            tally.lapses = {code: people for code, people in tally.lapses.items() if people}
        self.flows = {part: since(flows, flows_from) for part, flows in self.flows.items()}


class Addition:
    """The part of a flush that goes into one block's document."""

    def __init__(self, block: str, flush: Flush, added: Block) -> None:
        self.identity = f"{block} {flush.partition}"
        self._flows_from = flush.flows_from
        self._is_above = level_of(block) in SUMMED_LEVELS
        self._people = _encode(added.people)
        self._flows = [_encode(added.flows)] if added.flows else []
        self._fields: Document = {
            "$max": {"position": flush.after.next_seq},
            "$addToSet": {"parts": {"$each": [*added.people]}},
            "$setOnInsert": {"block": block, "partition": flush.partition},
        }

    @property
    def is_to_be_summed(self) -> bool:
        """Say whether to replace the list by one sum. Chance decides, so nobody has to know how long the list is."""
        size = len(self._people) + sum(map(len, self._flows))
        one_in = min(max(_LISTED_BYTES // size, 1), _LISTED_ABOVE if self._is_above else _LISTED)
        return crc32(f"{self.identity} {self._fields['$max']}".encode()) % one_in == 0

    def appended(self) -> UpdateOne:
        """Return the update that appends to the list."""
        return self._update({"$push": {"people": self._people, "flows": {"$each": self._flows}}})

    def summed(self, before: Document) -> UpdateOne:
        """Return the update that replaces the list by one sum, this addition included."""
        block = Block.of(before, {"people": [self._people], "flows": self._flows})
        block.compact(self._flows_from)
        return self._update({"$set": {"people": [_encode(block.people)], "flows": [_encode(block.flows)]}})

    def _update(self, change: Document) -> UpdateOne:
        return UpdateOne({"_id": self.identity}, self._fields | change, upsert=True)


def additions(flush: Flush, rollup: Rollup) -> Iterator[Addition]:
    """Yield the additions of a flush, one for each block."""
    blocks = defaultdict[str, Block](Block)
    for place, tally in rollup.places.items():
        if place not in rollup.above:
            blocks[block_of(place)].people[part_of(place)] = tally
    for region, tally in rollup.above.items():
        blocks[region].people[SELF] = tally
    for region, flows in rollup.flows.items():
        blocks[block_of(region)].flows[part_of(region)] = flows
    for block, added in blocks.items():
        yield Addition(block, flush, added)


def people_in(document: Document) -> dict[str, dict[str, int]]:
    """Return people by code of the profile, of each village in a district's document."""
    villages: dict[str, dict[str, int]] = {}
    for packed in document["people"]:
        for part, one in _profiles(packed).items():
            if part != SELF:
                add_up(villages.setdefault(f"{document['block']}.{part}", {}), one.people)
    return villages


def regions_in(document: Document) -> list[str]:
    """Return the block's region and its villages in which anything was counted."""
    block = document["block"]
    return [block, *(f"{block}.{part}" for part in document["parts"] if part != SELF)]
