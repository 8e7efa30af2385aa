"""Restatements on real servers: what was announced stays available, by version and by the day it was known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from services.coverage.app import build
from tests.fakes import ManualClock
from tests.integration.coverage.stack import Replica, Stack
from tests.serving import served

HEADER = "region,basis,valid_from,value,source,definition"
ANNOUNCED = datetime(2023, 10, 2, 3, 0, tzinfo=UTC)
RESTATED = datetime(2025, 8, 20, 3, 0, tzinfo=UTC)


@asynccontextmanager
async def at(stack: Stack, clock: ManualClock) -> AsyncIterator[Replica]:
    """Run a replica whose clock the test moves. It takes reference data before it has caught up with the topic."""
    async with served(build(stack.settings(), clock=clock)) as http:
        yield Replica(http, stack.headers())


async def put(replica: Replica, row: str) -> None:
    """Have one potential recorded."""
    headers = replica.headers | {"content-type": "text/csv"}
    answer = await replica.http.put("/v1/potentials", content=f"{HEADER}\n{row}\n", headers=headers)
    assert answer.json() == {"rows": 1, "recorded": 1, "unchanged": 0}


async def workers(replica: Replica, **asked: str) -> list[dict[str, Any]]:
    """Return Aceh's potential workers with their history, as of a day and as known on a day."""
    answer = await replica.http.get("/v1/regions/11/provenance", params=asked, headers=replica.headers)
    found: list[dict[str, Any]] = answer.json()["potentials"]
    return found


async def test_acehs_announced_figure_is_still_there(stack: Stack) -> None:
    """Also after a restart: 1,710,891 as it was known then, 1,601,559 as it is known now, and the series breaks."""
    clock = ManualClock(ANNOUNCED)
    async with at(stack, clock) as replica:
        await put(replica, "11,workers,2023-09-01,1710891,waspada,all workers")
        clock.set(RESTATED)
        await put(replica, "11,workers,2025-08-01,1601559,tribun,without construction")
    async with at(stack, clock) as replica:
        listed = await replica.http.get("/v1/potentials", params={"region": "11"}, headers=replica.headers)
        rows = [(item["version"], datetime.fromisoformat(item["recorded_at"])) for item in listed.json()["items"]]
        assert rows == [(1, ANNOUNCED), (2, RESTATED)]
        assert (await replica.region("11"))["potential"]["workers"]["value"] == 1_601_559
        (then,), (now,) = await workers(replica, as_of="2023-09-30"), await workers(replica)
        assert (then["value"], then["version"]) == (1_710_891, 1)
        assert (now["value"], [period["breaks"] for period in now["history"]]) == (1_601_559, [False, True])
        (known,) = await workers(replica, known_at="2025-08-19")
        assert (known["value"], known["version"], len(known["history"])) == (1_710_891, 1, 1)
        assert await workers(replica, known_at="2023-10-01") == []
