"""Restatements on real servers: what was announced is still there, by version and by the day it was known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from services.coverage.app import build
from tests.factories_coverage import VILLAGE
from tests.fakes import ManualClock
from tests.integration.coverage.stack import Replica, Stack
from tests.serving import served

ANNOUNCED = datetime(2023, 10, 2, 3, 0, tzinfo=UTC)
RESTATED = datetime(2025, 8, 20, 3, 0, tzinfo=UTC)
BEFORE, BETWEEN = date(2023, 10, 1), date(2025, 8, 19)


class Restated(NamedTuple):
    """A figure as it was announced and as it is restated for the same day: two rows under one header."""

    kind: str
    region: str
    header: str
    announced: str
    restated: str


FIGURES = (
    Restated(
        "potentials", "11", "region,basis,valid_from,value,source,definition",
        "11,workers,2023-09-01,1710891,waspada,all workers",
        "11,workers,2023-09-01,1601559,tribun,without construction",
    ),
    Restated(
        "targets", "11", "region,basis,measure,valid_from,date,ratio,source,definition",
        "11,workers,active,2023-01-01,2025-12-31,0.4354,pmk,path",
        "11,workers,active,2023-01-01,2025-12-31,0.50,pmk,path",
    ),
    Restated(
        "quotas", "63.10", "region,group,measure,count,kinds,valid_from,source",
        "63.10,vulnerable,active,100,desa,2023-01-01,kab",
        "63.10,vulnerable,active,200,desa|kelurahan,2023-01-01,kab",
    ),
    Restated(
        "designations", VILLAGE, "region,valid_from,value,source",
        f"{VILLAGE},2018-11-12,designated,bpjs",
        f"{VILLAGE},2018-11-12,withdrawn,bpjs",
    ),
    Restated(
        "awards", "35.01", "region,name,valid_from,value,source,definition",
        "35.01,Kabupaten Peduli,2023-09-05,awarded,bpjs,",
        "35.01,Kabupaten Peduli,2023-09-05,awarded,bpjs,an invented decree",
    ),
    Restated(
        "sources", "ID", "source,name,cadence_days,valid_from",
        "bpjs/aceh,BPJS Aceh,7,2023-01-01",
        "bpjs/aceh,BPJS Aceh,30,2023-01-01",
    ),
)  # fmt: skip


@asynccontextmanager
async def at(stack: Stack, clock: ManualClock) -> AsyncIterator[Replica]:
    """Run a replica whose time is moved by hand; it need not be level with the topic to take reference data."""
    async with served(build(stack.settings(), clock=clock)) as http:
        yield Replica(http, stack.headers())


async def put(replica: Replica, kind: str, header: str, row: str) -> None:
    """Have one row recorded."""
    headers = replica.headers | {"content-type": "text/csv"}
    answer = await replica.http.put(f"/v1/{kind}", content=f"{header}\n{row}\n", headers=headers)
    assert answer.json() == {"rows": 1, "recorded": 1, "unchanged": 0}


async def recorded(replica: Replica, kind: str, region: str) -> list[tuple[int, datetime]]:
    """Return version and time of recording of all that is listed of a kind and region."""
    answer = await replica.http.get(f"/v1/{kind}", params={"region": region}, headers=replica.headers)
    return [(item["version"], datetime.fromisoformat(item["recorded_at"])) for item in answer.json()["items"]]


async def origins(replica: Replica, region: str, known_at: date | None) -> dict[str, Any]:
    """Return what a region's figures of the end of September 2023 rest on, as known on a day or ever."""
    asked = {"as_of": "2023-09-30"} | ({"known_at": known_at.isoformat()} if known_at else {})
    answer = await replica.http.get(f"/v1/regions/{region}/provenance", params=asked, headers=replica.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def versions(found: dict[str, Any], kind: str) -> Iterator[int]:
    """Yield the versions of a kind that are in force."""
    yield from (row["version"] for row in (found["potentials"] if kind == "potentials" else found["reference"]))


async def test_each_kind_keeps_what_was_announced(stack: Stack) -> None:
    """Every version is listed with the day it was recorded; by `known_at` the one in force then is found again, also
    after a restart. Sources, the last, are told as they are now.
    """
    clock = ManualClock(ANNOUNCED)
    async with at(stack, clock) as replica:
        for figure in FIGURES:
            await put(replica, figure.kind, figure.header, figure.announced)
        clock.set(RESTATED)
        for figure in FIGURES:
            await put(replica, figure.kind, figure.header, figure.restated)
    async with at(stack, clock) as replica:
        for kind, region, *_ in FIGURES:
            assert await recorded(replica, kind, region) == [(1, ANNOUNCED), (2, RESTATED)]
        for kind, region, *_ in FIGURES[:-1]:
            known = [list(versions(await origins(replica, region, day), kind)) for day in (BEFORE, BETWEEN, None)]
            # A designation that was withdrawn is none any more, but it was one as known before.
            assert known == [[], [1], [] if kind == "designations" else [2]]


async def test_acehs_announced_figure_is_still_there(stack: Stack) -> None:
    """1,710,891 by whoever asks as it was known then, 1,601,559 by whoever asks now, and the series breaks."""
    clock = ManualClock(ANNOUNCED)
    header = FIGURES[0].header
    async with at(stack, clock) as replica:
        await put(replica, "potentials", header, "11,workers,2023-09-01,1710891,waspada,all workers")
        clock.set(RESTATED)
        await put(replica, "potentials", header, "11,workers,2025-08-01,1601559,tribun,without construction")
        assert (await replica.region("11"))["potential"]["workers"]["value"] == 1_601_559
        (then,) = (await origins(replica, "11", None))["potentials"]
        assert (then["value"], then["version"]) == (1_710_891, 1)
        now = await replica.http.get("/v1/regions/11/provenance", headers=replica.headers)
        (workers,) = now.json()["potentials"]
        assert (workers["value"], [period["breaks"] for period in workers["history"]]) == (1_601_559, [False, True])
        known = await replica.http.get(f"/v1/regions/11/provenance?known_at={BETWEEN}", headers=replica.headers)
        (workers,) = known.json()["potentials"]
        assert (workers["value"], workers["version"], len(workers["history"])) == (1_710_891, 1, 1)
