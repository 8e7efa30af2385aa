"""What ten years of monthly payments cost: the size of the person's document, and the time of one more change.

- decide: the domain alone, from the facts before and after to the signed changes.
- commit: one fact through the intake into MongoDB, alone in its group.
Beside each the bare transaction that reads a document of that size, writes it back and inserts a small one.
The last case is the worst: a move before all payments takes back every change of ten years and publishes as many.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from prometheus_client import CollectorRegistry

from benchmarks.report import Comparison, Spread, against, publish
from deploy.local.sample.people import invented_nik
from deploy.local.servers import Servers
from deploy.local.settings import StackSettings
from services.registry.domain.facts import Fact, FactType
from services.registry.domain.outcomes import Result
from services.registry.domain.participant import decide
from services.registry.identity.hashing import Secrets
from services.registry.intake.commit import Intake
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.mongo.documents import participant_of
from services.registry.intake.mongo.store import MongoStore
from services.registry.intake.parsing import Parser
from services.registry.relay.mongo import MongoOutbox
from shared.adapters.mongo import Mongo, Session
from shared.regions.catalogue import catalogue
from shared.runtime.clock import SystemClock

PEOPLE: Final = 60
MONTHS: Final = 120
_PLACES: Final = ("11.01.02.2003", "11.02", "63.10", "92.08")
_LEDGER_BYTES: Final = 700
_MONTH: Final = timedelta(days=30.4)
_NOW: Final = datetime.now(UTC).replace(day=10, hour=3, minute=0, second=0, microsecond=0)

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A history that each person has, and where the fact that is measured lies."""

    name: str
    relocations: int
    corrections: int
    one_more_ago: timedelta


CASES: Final = (
    Case("120 payments", 0, 0, timedelta()),
    Case("120 payments, 10 moves, 5 corrections", 10, 5, timedelta()),
    Case("120 payments, and a move before all of them", 0, 0, _MONTH * (MONTHS + 1.5)),
)


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    limits: dict[str, Spread] = {}
    found: dict[str, Comparison] = {}
    sizes: dict[str, int] = {}
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="cakupan-bench-", ignore_cleanup_errors=True) as folder:
        servers = Servers(StackSettings(folder=Path(folder)))
        try:
            await servers.start()
            for case in CASES:
                bench = await _Bench.ready(servers.mongodb_uri, case)
                sizes[case.name] = await bench.document_bytes()
                hop = f"mongodb transaction of that document: {case.name}"
                limits[hop] = await bench.bare()
                found[f"decide: {case.name}"] = against(await bench.decide(), (hop,), limits)
                found[f"commit: {case.name}"] = against(await bench.commit(), (hop,), limits)
        finally:
            await servers.stop()
    settings = {"people": PEOPLE, "load_average_before": round(busy, 2), "document_bytes": sizes}
    return publish("person", settings, limits, found)


class _Bench:
    """One case's people in a database of their own."""

    def __init__(self, mongo: Mongo, case: Case) -> None:
        self._mongo = mongo
        self._case = case
        secrets = Secrets.derive(os.urandom(32))
        self._clock = SystemClock()
        self._parser = Parser(catalogue(), secrets.content)
        self._intake = Intake(MongoStore(mongo), secrets, self._clock, IntakeMetrics(CollectorRegistry()))

    @classmethod
    async def ready(cls, uri: str, case: Case) -> _Bench:
        """Return it with everybody's history taken."""
        mongo = Mongo(uri, f"bench_{uuid.uuid4().hex[:8]}", "benchmark")
        await MongoStore(mongo).prepare()
        await MongoOutbox(mongo).prepare()
        await mongo.create(["rows"])
        bench = cls(mongo, case)
        for number in range(PEOPLE):
            await bench._take(_history(case, number))
        return bench

    async def _take(self, events: Sequence[Event]) -> None:
        candidates = [self._parser.parse_document(event, self._clock.now()) for event in events]
        outcomes = await self._intake.decide_together(candidates)
        assert all(outcome.result is Result.ACCEPTED for outcome in outcomes), outcomes

    async def document_bytes(self) -> int:
        """Return the size of the largest participant's document."""
        pipeline = [{"$group": {"_id": None, "bytes": {"$max": {"$bsonSize": "$$ROOT"}}}}]
        (largest,) = await self._mongo["participants"].aggregate(pipeline).to_list(1)
        return int(largest["bytes"])

    async def bare(self) -> Spread:
        """Return the spread of the bare transaction on each document."""
        taken = []
        for person in [doc["_id"] async for doc in self._mongo["participants"].find({}, {"_id": 1})]:

            async def again(session: Session, person: str = person) -> None:
                doc = await self._mongo["participants"].find_one({"_id": person}, session=session)
                await self._mongo["participants"].replace_one({"_id": person}, doc, session=session)
                await self._mongo["rows"].insert_one({"payload": b"x" * _LEDGER_BYTES}, session=session)

            began = perf_counter()
            await self._mongo.transact(again)
            taken.append(perf_counter() - began)
        return Spread.of(taken)

    async def decide(self) -> Spread:
        """Return the spread of deciding one more fact of each person."""
        taken = []
        async for doc in self._mongo["participants"].find({}):
            person = participant_of(doc)
            at = _NOW - self._case.one_more_ago
            more = Fact(at, FactType.RELOCATED, "bench", "more", person.id, region=_PLACES[1])
            began = perf_counter()
            decide(person, [*person.facts, more], person.links, self._clock.now())
            taken.append(perf_counter() - began)
        return Spread.of(taken)

    async def commit(self) -> Spread:
        """Return the spread of one more fact of each person, from parsed to durable."""
        taken = []
        for number in range(PEOPLE):
            event = _event(number, "relocated", _NOW - self._case.one_more_ago, region=_PLACES[1])
            began = perf_counter()
            await self._take([event])
            taken.append(perf_counter() - began)
        return Spread.of(taken)


def _history(case: Case, number: int) -> list[Event]:
    """Return ten years of one person: an enrolment, a payment a month, and what the case adds."""
    start = _NOW - _MONTH * (MONTHS + 2)
    events = [_event(number, "enrolled", start, region=_PLACES[0], segment="BPU", groups=["vulnerable"])]
    for n in range(MONTHS):
        at = start + _MONTH * (n + 1)
        events.append(_event(number, "contribution_paid", at, paid_through=f"{at:%Y-%m}"))
    events += [
        _event(number, "relocated", start + _MONTH * (12 * n + 6), region=_PLACES[n % len(_PLACES)])
        for n in range(case.relocations)
    ]
    for wrong in events[1 : 1 + case.corrections]:
        data = wrong["data"] | {"payer": "csr"}
        fact = {"corrects": wrong["id"], "type": "contribution_paid", "replacement": {"data": data}}
        events.append(_event(number, "corrected", _NOW) | {"data": fact})
    return events


def _event(number: int, type_: str, at: datetime, **data: Any) -> Event:
    who = {"scheme": "nik", "value": invented_nik(number, datetime(1990, 1, 1, tzinfo=UTC).date(), woman=False)}
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "bpjs/aceh",
        "type": f"cakupan.{type_}.v1",
        "time": at.isoformat(),
        "data": {"identity": who} | data,
    }
