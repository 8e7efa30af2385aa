"""Pages: the log of all steps, packed; one document for each region and stretch of a partition's numbers.

The flushes that begin in a page's stretch append to it; nothing is ever changed. A regency's pages keep steps with
their places, so districts and villages are read from them too. Nation and provinces keep movements, by partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import chain, compress
from typing import Any, Final

import msgspec
from pymongo import UpdateOne

from services.coverage.counting.domain.movements import MOVED, Movement, Step, lineage, seen
from services.coverage.counting.domain.region_counts import Period, Timeline
from services.coverage.counting.domain.rollup import Rollup
from services.coverage.counting.ports import Flush
from shared.adapters.mongo import Document
from shared.regions.codes import PROVINCE_CODE, level_of

STRETCH: Final = 2_000
"""Numbers in a page: few enough for each live flush to rewrite it, enough to keep the number of pages low."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[list[str | None], list[int]]).decode

SUMMED_WIDTH: Final = 5
"""Words of a movement in nation and provinces: `…_here` is missing, since nobody's place is one of them."""
STEP_WIDTH: Final = len(Step._fields)
_NO_LIMIT: Final = date.max.isoformat()

Key = tuple[Any, ...]


def page_updates(flush: Flush, rollup: Rollup) -> Iterator[UpdateOne]:
    """Yield an upsert for each page that the flush adds to."""
    stretch = flush.before.next_seq // STRETCH
    for region, rows in _rows(rollup):
        if rows:
            yield UpdateOne(
                # The region is the shard key: an upsert has to name it.
                {"_id": f"{region} {flush.partition} {stretch}", "region": region},
                {
                    "$push": {"rows": packed(rows)},
                    "$max": {
                        "effective_until": max(key[0] for key, _ in rows).toordinal(),
                        "recorded_until": max(key[1] for key, _ in rows).toordinal(),
                    },
                    "$setOnInsert": {"partition": flush.partition},
                },
                upsert=True,
            )


def _rows(rollup: Rollup) -> Iterator[tuple[str, list[tuple[Key, int]]]]:
    for region, steps in rollup.steps.items():
        yield region, [*steps]
    for region, movements in rollup.movements.items():
        yield region, [(key, people) for key, people in movements.items() if people]


def packed(rows: Collection[tuple[Key, int]]) -> bytes:
    """Return rows as bytes: each word once, then for every row the indexes of its words, then all numbers of people."""
    keys = [key for key, _ in rows]
    words = {word: place for place, word in enumerate(set(chain.from_iterable(keys)))}
    places = list(map(words.__getitem__, chain.from_iterable(keys)))
    return _encode((list(words), places + [people for _, people in rows]))


def unpacked(rows: bytes, width: int) -> Iterator[tuple[Key, int]]:
    """Yield the packed rows, each of `width` words; days stay text."""
    words, columns, people = _columns(rows, width)
    return zip(zip(*(map(words.__getitem__, column) for column in columns), strict=True), people, strict=True)


def _columns(rows: bytes, width: int) -> tuple[list[str | None], list[list[int]], list[int]]:
    """Return the words of packed rows, for each column the places of its words, and all numbers of people."""
    words, numbers = _decode(rows)
    end = len(numbers) // (width + 1) * width
    return words, [numbers[place:end:width] for place in range(width)], numbers[end:]


LATER: Final = "later"
"""Stands for the day of what is no part of a period's counts: effective after it, or recorded after its day."""


class Sums:
    """Adds packed rows up by what they have in common, if they are of a period or later; by day if of the period."""

    def __init__(self, period: Period, width: int) -> None:
        self._after, self._until, self._known_at = (day.isoformat() for day in period)
        self._width = width
        self._people: dict[Key, int] = {}

    def add(self, rows: bytes) -> None:
        """Add rows. Written for speed: a day long ago is read from millions of them."""
        words, (effective, recorded, *others), people = _columns(rows, self._width)
        texts = [word or "" for word in words]
        days = [LATER if text > self._until else text if text > self._after else None for text in texts]
        if self._known_at == _NO_LIMIT:
            whens = [days[place] for place in effective]
        else:
            unknown = [text > self._known_at for text in texts]
            whens = [LATER if unknown[r] else days[e] for e, r in zip(effective, recorded, strict=True)]
        sums, keys = self._people, zip(whens, *(map(words.__getitem__, column) for column in others), strict=True)
        for key, number in compress(zip(keys, people, strict=True), whens):
            sums[key] = sums.get(key, 0) + number

    def add_page(self, page: Document) -> None:
        """Add all rows of a page."""
        for rows in page["rows"]:
            self.add(rows)

    def __iter__(self) -> Iterator[tuple[Key, int]]:
        """Yield each key without the day on which it was recorded: day or `LATER`, kind, and so on; with its people."""
        return iter(self._people.items())


def query(regions: Collection[str], period: Period) -> Document:
    """Return the query for the pages of these regencies, nation or provinces that may hold what `Sums` adds up."""
    return {
        "region": {"$in": sorted(regions)},
        "$or": [
            {"effective_until": {"$gt": period.after.toordinal()}},
            {"recorded_until": {"$gt": period.known_at.toordinal()}},
        ],
    }


def add_movements(line: Timeline, sums: Iterable[tuple[Key, int]], period: Period) -> None:
    """Take what came later out of a region's counts, and list the movements of the period."""
    for (day, *movement), people in sums:
        moved = Movement(_day(day), period.known_at, *movement)
        if day == LATER:
            line.tally.count(moved, -people)
        else:
            line.movements.append((moved, people))


def add_steps(lines: Mapping[str, Timeline], sums: Iterable[tuple[Key, int]], period: Period) -> None:
    """Do the same for regencies and the places in them; each sees its own side of a step."""
    movements = defaultdict[str, dict[Key, int]](dict)
    holding: dict[tuple[str | None, str | None], list[str]] = {}
    for (day, kind, origin, before, target, after), people in sums:
        ends = (origin, target)
        if ends not in holding:
            # Nation and provinces have pages of their own.
            seeing = {region for end in ends if end for region in lineage(end) if len(region) > PROVINCE_CODE}
            holding[ends] = [region for region in seeing if region in lines]
        for region in holding[ends]:
            if kind != MOVED and (origin == target or before is None or after is None):
                # Everybody stays in one place, which each of these regions holds; so it is for nearly all.
                here = (before is not None and origin == region, after is not None and target == region)
                key: Key = (day, kind, before, after, *here)
            elif movement := seen(Step(date.max, date.max, kind, origin, before, target, after), region):
                key = (day, *movement[2:])
            else:
                continue
            of_region = movements[region]
            of_region[key] = of_region.get(key, 0) + people
    for region, found in movements.items():
        add_movements(lines[region], found.items(), period)


def take_from_villages(villages: Mapping[str, dict[str, int]], sums: Iterable[tuple[Key, int]]) -> None:
    """Take what came later out of the people by profile of each village."""
    for (day, _, origin, before, target, after), people in sums:
        if day == LATER:
            if before is not None and (profiles := villages.get(origin)) is not None:
                profiles[before] = profiles.get(before, 0) + people
            if after is not None and (profiles := villages.get(target)) is not None:
                profiles[after] = profiles.get(after, 0) - people


def rows_of(page: Document) -> Iterator[list[tuple[Step | Movement, int]]]:
    """Yield what each flush added to the page: steps with people, or movements in nation and provinces."""
    summed = _is_summed(page)
    for packed_rows in page["rows"]:
        rows: list[tuple[Step | Movement, int]] = []
        for key, people in unpacked(packed_rows, width_of(page)):
            days = (_day(key[0]), _day(key[1]))
            rows.append((Movement(*days, *key[2:]) if summed else Step(*days, *key[2:]), people))
        yield rows


def _is_summed(page: Document) -> bool:
    return level_of(page["region"]) != "regency"


def width_of(page: Document) -> int:
    """Return the number of words in a row of the page."""
    return SUMMED_WIDTH if _is_summed(page) else STEP_WIDTH


@lru_cache(maxsize=10_000)
def _day(text: str) -> date:
    return date.max if text == LATER else date.fromisoformat(text)
