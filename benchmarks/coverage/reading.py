"""How long readers wait for a page of the API, with ten million people counted in every village of the country.

One replica is one process beside MongoDB. The people are put there as flushes of the store, a hundred or so a village,
of several profiles and days; then each kind of page is asked for again and again, of regions drawn anew each time, one
request after another. The limit beside each is the same replica's liveness: what any answer takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final

import httpx

from benchmarks.coverage.changes import LATE_DAYS, PROFILES, villages
from benchmarks.coverage.replica import apart, database_of, running
from benchmarks.report import Comparison, Spread, against, publish
from benchmarks.stack import started_stack
from deploy.local.settings import StackConfig
from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import first_day
from services.coverage.counting.domain.position import Position
from services.coverage.counting.domain.profiles import Lapse, Profile, lapse_code, profile_code
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.counting.ports import Flush
from shared.adapters.kafka_producer import partition_for
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import parent_of, regency_of

_SEED: Final = 1
ALL_VILLAGES: Final = 83_762
"""As many as the country has."""
PEOPLE: Final = 10_000_000
_A_FLUSH: Final = 400
"""Villages of one partition put there at once."""
_EACH: Final = 200
CACHE_GB: Final = 4.0
_DAYS: Final = 730
"""Over which people came."""
_ANY_DAYS: Final = 100
"""Pairs of days, drawn from all of them, as of which and as known at which the nation is asked for."""
AN_ANSWER: Final = "an answer (liveness)"


@dataclass(frozen=True, slots=True)
class Page:
    """A kind of page: its address for a region, and whose."""

    name: str
    address: str
    regions: Sequence[str]


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(lambda _config: [], mongodb_cache_gb=CACHE_GB) as stack:
        config = await apart(stack.config, "reading")
        places = villages(ALL_VILLAGES)
        await count_people(config, places)
        token = (config.home.tokens / "operator.jwt").read_text()
        async with running(config) as replica, httpx.AsyncClient(base_url=replica.url, timeout=60) as http:
            http.headers["authorization"] = f"Bearer {token}"
            limit = await _spread(http, Page("", "/health/live", ["ID"]))
            found: dict[str, Comparison] = {}
            for page in _pages(places):
                found[page.name] = against(await _spread(http, page), [AN_ANSWER], {AN_ANSWER: limit})
    settings = {"people": PEOPLE, "villages": len(places), "load_average_before": round(busy, 2)}
    return publish("reading", settings, {AN_ANSWER: limit}, found)


def _pages(places: Sequence[str]) -> Iterator[Page]:
    districts = sorted({parent_of(place) or place for place in places})
    regencies = sorted({regency_of(place) for place in places})
    provinces = sorted({place[:2] for place in places})
    month = (datetime.now(UTC).date().replace(day=1) - timedelta(days=1)).isoformat()
    yield Page("a village", "/v1/regions/{}", places)
    yield Page("a district", "/v1/regions/{}", districts)
    yield Page("a regency", "/v1/regions/{}", regencies)
    yield Page("a province", "/v1/regions/{}", provinces)
    yield Page("the nation", "/v1/regions/{}", ["ID"])
    yield Page("a regency's districts", "/v1/regions/{}/children?limit=100", regencies)
    yield Page("a district's villages", "/v1/regions/{}/children?limit=100", districts)
    yield Page("a province's regencies", "/v1/regions/{}/children?limit=100", provinces)
    yield Page("the nation's provinces", "/v1/regions/{}/children?limit=100", ["ID"])
    yield Page("a regency as of the last month's end", f"/v1/regions/{{}}?as_of={month}", regencies)
    yield Page("the nation as of the last month's end", f"/v1/regions/{{}}?as_of={month}", ["ID"])
    yield Page("the nation as of any day, known at any day", "/v1/regions/ID?{}", list(_any_days()))
    yield Page("a search", "/v1/regions?q={}", ["tanah bumbu", "desa sukamaju", "bandung", "63.10", "sukamaju, garut"])
    yield Page("monev sheet of a province", f"/v1/reports/monev?region={{}}&as_of={month}", provinces)


def _any_days() -> Iterator[str]:
    random, today = Random(_SEED), datetime.now(UTC).date()
    for _ in range(_ANY_DAYS):
        day, known_at = (today - timedelta(days=random.randrange(_DAYS)) for _ in range(2))
        yield f"as_of={day}&known_at={known_at}"


async def _spread(http: httpx.AsyncClient, page: Page) -> Spread:
    random, took = Random(_SEED), list[float]()
    # Once beforehand: what is made at first use is not what a reader waits for.
    (await http.get(page.address.format(page.regions[0]))).raise_for_status()
    for _ in range(_EACH):
        address = page.address.format(random.choice(page.regions))
        began = perf_counter()
        (await http.get(address)).raise_for_status()
        took.append(perf_counter() - began)
    return Spread.of(took)


async def count_people(config: StackConfig, places: Sequence[str]) -> None:
    """Have the store count ten million people in these villages, who came over two years; some are recorded late."""
    mongo = database_of(config)
    try:
        store = MongoStore(mongo)
        await store.prepare()
        for partition in range(PARTITIONS):
            mine = [place for place in places if partition_for(regency_of(place), PARTITIONS) == partition]
            await _count_in(store, partition, mine)
    finally:
        mongo.close()


async def _count_in(store: MongoStore, partition: int, places: Sequence[str]) -> None:
    random, position = Random(partition), Position()
    now = datetime.now(UTC)
    for at in range(0, len(places), _A_FLUSH):
        added = _sum(random, places[at : at + _A_FLUSH], now)
        after = Position(position.next_seq + added.changes, position.next_offset)
        await store.apply([Flush(partition, position, after, added, False, first_day(now.date()))])
        position = after


def _sum(random: Random, places: Sequence[str], now: datetime) -> Sum:
    added = Sum()
    for place in places:
        added.last_recorded[place, "bpjs/pusat"] = now
        for segment, groups, payer, programmes in PROFILES:
            people = PEOPLE // ALL_VILLAGES // len(PROFILES)
            day = now.date() - timedelta(days=random.randrange(_DAYS))
            profile = profile_code(Profile(segment, groups, payer, programmes, active=True))
            recorded = min(now.date(), day + timedelta(days=random.choice(LATE_DAYS)))
            added.steps[day, recorded, "joined", None, None, place, profile] += people
            added.lapses[place, lapse_code(Lapse(_month_after(day), payer, groups))] += people
            added.changes += people
    return added


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=125)).replace(day=1)
