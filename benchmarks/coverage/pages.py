"""How long readers wait for a page while fifty of them ask a second, with ten million people in every village.

One replica is one process beside MongoDB. Requests arrive open loop: a slow page is felt by all who come after it. Each
kind of view has a load of its own, of regions drawn anew each time. The limit beside each is the same replica's
liveness at the same rate: what any answer takes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from time import time
from typing import Any, Final

import httpx
from httpx import codes

from benchmarks.coverage.changes import villages
from benchmarks.coverage.reading import ALL_VILLAGES, AN_ANSWER, CACHE_GB, PEOPLE, count_people
from benchmarks.coverage.replica import apart, database_of, running
from benchmarks.load import open_loop
from benchmarks.report import Comparison, Spread, against, publish
from benchmarks.stack import started_stack
from deploy.local.settings import StackConfig
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from services.coverage.reference.mongo import MongoReference
from shared.regions.codes import parent_of, regency_of

PER_SECOND: Final = 50
_SECONDS: Final = 20
_WARM_UP_SECONDS: Final = 5
"""Left out: a replica that has just started folds pages and adds up boards when they are first asked for."""
_KEPT_OPEN_S: Final = 2.0
"""Uvicorn closes a connection that is idle for five seconds, and a request that meets this fails."""
_SEED: Final = 1
_BOARD_OF: Final = 900
"""Villages of the largest boards that a page shows whole; the regency nearest to it is asked for."""


@dataclass(frozen=True, slots=True)
class View:
    """A kind of view, and the addresses that readers ask for."""

    name: str
    addresses: Sequence[str]


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(lambda _config: [], mongodb_cache_gb=CACHE_GB) as stack:
        config = await apart(stack.config, "pages")
        places = villages(ALL_VILLAGES)
        await count_people(config, places)
        await _refer(config, places)
        token = (config.home.tokens / "operator.jwt").read_text()
        pool = httpx.Limits(max_connections=100, keepalive_expiry=_KEPT_OPEN_S)
        async with running(config) as replica, httpx.AsyncClient(base_url=replica.url, timeout=60, limits=pool) as http:
            http.headers.update({"authorization": f"Bearer {token}", "accept": "text/html"})
            limit, _ = await _spread(http, View("", ["/health/live"]))
            found, refused = dict[str, Comparison](), dict[str, int]()
            for view in _views(places):
                spread, refused[view.name] = await _spread(http, view)
                found[view.name] = against(spread, [AN_ANSWER], {AN_ANSWER: limit})
    settings = {
        "people": PEOPLE, "villages": len(places), "per_second": PER_SECOND, "load_average_before": round(busy, 2),
        "refused": refused,
    }  # fmt: skip
    return publish("pages", settings, {AN_ANSWER: limit}, found)


def _views(places: Sequence[str]) -> list[View]:
    random = Random(_SEED)
    districts = sorted({parent_of(place) or place for place in places})
    regencies = sorted({regency_of(place) for place in places})
    provinces = sorted({place[:2] for place in places})
    month = (datetime.now(UTC).date().replace(day=1) - timedelta(days=1)).isoformat()
    # Most links come from messages, which are about regencies and what lies below them.
    drawn = [
        *("/" for _ in range(5)), *(f"/wilayah/{one}" for one in random.sample(provinces, 15)),
        *(f"/wilayah/{one}" for one in random.sample(regencies, 40)),
        *(f"/wilayah/{one}" for one in random.sample(districts, 25)),
        *(f"/wilayah/{one}" for one in random.sample(places, 15)),
    ]  # fmt: skip
    past = ["/", *(f"/wilayah/{one}" for one in [*random.sample(provinces, 4), *random.sample(regencies, 15)])]
    sizes = {one: sum(regency_of(place) == one for place in places) for one in regencies}
    large = min(regencies, key=lambda one: abs(sizes[one] - _BOARD_OF))
    return [
        View("a page of today", drawn),
        View("a page of last month's end", [f"{one}?as_of={month}" for one in past]),
        View(f"a quota board of {sizes[large]} villages", [f"/wilayah/{large}/kuota?semua=1"]),
        View("who lapses, of a regency", [f"/wilayah/{one}/akan-nonaktif" for one in random.sample(regencies, 40)]),
        View(
            "the monev sheet of a regency",
            [f"/wilayah/{one}/monev?as_of={month}&known_at={month}" for one in regencies],
        ),
        View("a search", [f"/cari?q={wanted}" for wanted in ("tanah bumbu", "sukamaju", "bandung", "63.10")]),
    ]


async def _spread(http: httpx.AsyncClient, view: View) -> tuple[Spread, int]:
    """Return how long answers took, and how many were a 503 instead of a page."""
    random, took, answers = Random(_SEED), list[float](), Counter[int]()
    # What is made at first use is not what a reader waits for.
    (await http.get(view.addresses[0])).raise_for_status()

    async def ask(number: int, due: float) -> None:
        answer = await http.get(random.choice(view.addresses))
        if number < PER_SECOND * _WARM_UP_SECONDS:
            return
        answers[answer.status_code] += 1
        if answer.status_code != codes.SERVICE_UNAVAILABLE:
            answer.raise_for_status()
        took.append(time() - due)

    await open_loop(PER_SECOND * (_WARM_UP_SECONDS + _SECONDS), PER_SECOND, ask)
    return Spread.of(took), answers[codes.SERVICE_UNAVAILABLE]


async def _refer(config: StackConfig, places: Sequence[str]) -> None:
    """Give each province and regency potential workers and a target, and each village a quota."""
    since, mongo = date(2023, 1, 1), database_of(config)

    def of(kind: Any, region: str, series: str, value: Any) -> Statement[Any]:
        return Statement(kind, region, series, since, value, "bps/sakernas", "semua yang bekerja")

    path = TargetPath((PathPoint(date(2025, 12, 31), Decimal("0.38")), PathPoint(date(2030, 12, 31), Decimal("0.60"))))
    regions = ["ID", *sorted({place[:2] for place in places}), *sorted({regency_of(place) for place in places})]
    rows = [of(POTENTIALS, one, "workers", 2 * PEOPLE // (1 if one == "ID" else 50 if len(one) == 2 else 500))
            for one in regions]  # fmt: skip
    rows += [of(TARGETS, one, "workers active", path) for one in regions]
    rows.append(of(QUOTAS, "ID", "vulnerable", Quota("active", 100, ("desa", "kelurahan", "desa_adat"))))
    try:
        reference = MongoReference(mongo)
        await reference.prepare()
        await reference.add(rows, datetime.now(UTC))
    finally:
        mongo.close()
