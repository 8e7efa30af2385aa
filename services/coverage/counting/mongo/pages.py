"""Pages: the log of all steps, packed; one document for each region and stretch of a partition's numbers.

The flushes that begin in a page's stretch append to it; nothing is ever changed. A regency's pages keep steps with
their places, so districts and villages are read from them too. Nation and provinces keep movements, by partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import msgspec
from pymongo import UpdateOne

from services.coverage.counting.domain.flows import DAY
from services.coverage.counting.domain.movements import SUMMED_LEVELS, Movement, Step, lineage, seen
from services.coverage.counting.domain.rollup import Rollup
from services.coverage.counting.ports import Flush
from shared.adapters.mongo import Document
from shared.regions.codes import level_of, regency_of

STRETCH: Final = 2_000
"""Numbers in a page: few enough for each live flush to rewrite it, enough to keep the number of pages low."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[list[str | None], list[int]]).decode

_SUMMED_WIDTH: Final = 5
"""Words of a movement in nation and provinces: `…_here` is missing, since nobody's place is one of them."""

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
    words, numbers = _decode(rows)
    count = len(numbers) // (width + 1)
    cells = map(words.__getitem__, numbers[: count * width])
    return zip(zip(*[cells] * width, strict=True), numbers[count * width :], strict=True)


class Later:
    """Adds up, from pages, the movements effective after one day or recorded after another, region by region.

    It keeps only whether a row was recorded after the cutoff, so years of the nation take a few hundred sums a day.
    """

    def __init__(self, regions: Collection[str], effective_after: date, recorded_after: date) -> None:
        self._regions = frozenset(regions)
        self._effective_after = effective_after
        self._recorded_after = recorded_after
        self._summed: defaultdict[str, dict[Key, int]] = defaultdict(dict)
        self._steps: dict[Key, int] = {}

    @property
    def query(self) -> Document:
        """The query for the pages that may hold such movements."""
        paged = {one if level_of(one) in SUMMED_LEVELS else regency_of(one) for one in self._regions}
        return {
            "region": {"$in": sorted(paged)},
            "$or": [
                {"effective_until": {"$gt": self._effective_after.toordinal()}},
                {"recorded_until": {"$gt": self._recorded_after.toordinal()}},
            ],
        }

    def add(self, page: Document) -> None:
        """Add a page. Written for speed: a day long ago is read from millions of rows."""
        summed = _is_summed(page)
        sums = self._summed[page["region"]] if summed else self._steps
        effective_after, recorded_after = self._effective_after.isoformat(), self._recorded_after.isoformat()
        for packed_rows in page["rows"]:
            for (effective, recorded, *rest), people in unpacked(packed_rows, _width(page)):
                if effective > effective_after or recorded > recorded_after:
                    key = (effective, recorded > recorded_after, *rest)
                    sums[key] = sums.get(key, 0) + people

    def movements(self) -> dict[str, list[tuple[Movement, int]]]:
        """Return each region's movements; `recorded_day` is the cutoff, or the day after it for all later ones."""
        found: dict[str, list[tuple[Movement, int]]] = {region: [] for region in self._regions}
        for region, sums in self._summed.items():
            found[region] += [
                (Movement(_day(effective), self._recorded(later), *rest), people)
                for (effective, later, *rest), people in sums.items()
            ]
        for (effective, later, *rest), people in self._steps.items():
            step = Step(_day(effective), self._recorded(later), *rest)
            for region in _seeing(step.origin, step.target) & self._regions:
                if (movement := seen(step, region)) is not None:
                    found[region].append((movement, people))
        return found

    def _recorded(self, later: bool) -> date:
        return self._recorded_after + DAY if later else self._recorded_after


@lru_cache(maxsize=10_000)
def _seeing(*ends: str | None) -> frozenset[str]:
    """Return the regions that hold one of these places and that are read from a regency's pages."""
    touched = {region for place in ends if place for region in lineage(place)}
    return frozenset(region for region in touched if level_of(region) not in SUMMED_LEVELS)


def rows_of(page: Document) -> Iterator[list[tuple[Step | Movement, int]]]:
    """Yield what each flush added to the page: steps with people, or movements in nation and provinces."""
    summed = _is_summed(page)
    for packed_rows in page["rows"]:
        rows: list[tuple[Step | Movement, int]] = []
        for key, people in unpacked(packed_rows, _width(page)):
            days = (_day(key[0]), _day(key[1]))
            rows.append((Movement(*days, *key[2:]) if summed else Step(*days, *key[2:]), people))
        yield rows


def _is_summed(page: Document) -> bool:
    return level_of(page["region"]) != "regency"


def _width(page: Document) -> int:
    return _SUMMED_WIDTH if _is_summed(page) else len(Step._fields)


@lru_cache(maxsize=10_000)
def _day(text: str) -> date:
    return date.fromisoformat(text)
