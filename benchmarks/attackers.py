"""Fifty anonymous callers and five hostile ones, as a process: `python -m benchmarks.attackers` with JSON of `Targets`.

They go on until they are ended. Each asks again as soon as it is answered, so nothing but the services slows them down.
They run at the lowest priority: in truth they have machines of their own, and here they share the services' cores.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final
from urllib.parse import urlsplit

import httpx

ANONYMOUS: Final = 50
_REGIONS: Final = ("ID", "11", "11.06", "11.06.01", "11.08", "32", "35.15")
_SILENT: Final = 1_000
"""Connections that send nothing."""
_BOMB_LINES: Final = 2_700_000
"""Lines of a CSV file that gzip makes some 8 kB of."""
_LONG_QUERY: Final = "x" * 60_000


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the services are, the tokens that a hostile sender and official have, and the month that has a release."""

    registry: str
    coverage: str
    upstream: str
    operator: str
    released_to: str


class Attackers:
    """Every caller is a loop of its own."""

    def __init__(self, targets: Targets) -> None:
        self._to = targets
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
        self._http = httpx.AsyncClient(timeout=60, limits=limits)
        self._csv_bomb = gzip.compress(b"id,source\n" + b",\n" * _BOMB_LINES)
        self._json_bomb = gzip.compress(b"[" + b"{}," * 9_000_000 + b"{}]")
        self._silent: list[asyncio.StreamWriter] = []

    async def run(self) -> None:
        """Attack until cancelled."""
        hostile = (self._search, self._bombs, self._hold_connections, self._fill_caches, self._read_the_past)
        async with asyncio.TaskGroup() as group:
            for number in range(ANONYMOUS):
                group.create_task(self._again(self._reads(Random(number))))
            for attack in hostile:
                group.create_task(self._again(attack))

    async def _again(self, attack: Callable[[], Awaitable[object]]) -> None:
        while True:
            with suppress(httpx.HTTPError, OSError):
                await attack()
            await asyncio.sleep(0)

    def _reads(self, random: Random) -> Callable[[], Awaitable[object]]:
        """Return an anonymous reader of pages and files."""
        month = f"as_of={self._to.released_to}"

        async def read() -> None:
            region = random.choice(_REGIONS)
            path = random.choice(
                [f"regions/{region}", f"regions/{region}?{month}", f"regions/{region}/children?{month}&sort=-active",
                 f"reports/monev?region={region}&{month}", f"reports/monev?region={region}&format=csv",
                 "regions?q=aceh",
                 "releases", f"stream?region={region}"]
            )  # fmt: skip
            await self._http.get(f"{self._to.coverage}/v1/{path}")

        return read

    async def _search(self) -> None:
        """Search for what fits every region, many at once."""
        queries = ("a,e,i,o,u,a,e,i,o,u", "a", "desa,kecamatan,kabupaten", "%20".join("aeiou"))
        await asyncio.gather(*(self._http.get(f"{self._to.coverage}/v1/regions?q={query}") for query in queries * 5))

    async def _bombs(self) -> None:
        """Send small bodies that become large."""
        packed = {"content-encoding": "gzip"}
        facts = packed | {"content-type": "text/csv", "authorization": f"Bearer {self._to.upstream}"}
        rows = packed | {"content-type": "application/json", "authorization": f"Bearer {self._to.operator}"}
        await asyncio.gather(
            self._http.post(f"{self._to.registry}/v1/facts/bulk", content=self._csv_bomb, headers=facts),
            self._http.put(f"{self._to.coverage}/v1/potentials", content=self._json_bomb, headers=rows),
        )

    async def _hold_connections(self) -> None:
        """Open connections that say nothing, again when they were closed."""
        self._silent = [writer for writer in self._silent if not writer.is_closing()]
        for service in (self._to.registry, self._to.coverage):
            address = urlsplit(service)
            for _ in range((_SILENT - len(self._silent)) // 2):
                _, writer = await asyncio.open_connection(address.hostname, address.port)
                self._silent.append(writer)
        await asyncio.sleep(1)

    async def _fill_caches(self) -> None:
        """Ask for addresses that nobody has asked for."""
        await asyncio.gather(
            *(self._http.get(f"{self._to.coverage}/v1/regions/11?{n}={_LONG_QUERY}") for n in range(20)),
            *(self._http.get(f"{self._to.coverage}/v1/regions/11?as_of={date(1980, 1, 1).replace(day=n)}")
              for n in range(1, 20)),
        )  # fmt: skip

    async def _read_the_past(self) -> None:
        """Ask with an official's token for what is most expensive."""
        headers = {"authorization": f"Bearer {self._to.operator}"}
        for path in (
            "regions/ID?as_of=2026-01-31&known_at=1990-01-01", "reports/monev?region=ID&as_of=2026-01-31",
            "regions/ID/history?from=1977-01-01&to=2026-01-01&step=day", "regions/ID/children?as_of=2026-01-31",
        ):  # fmt: skip
            await self._http.get(f"{self._to.coverage}/v1/{path}", headers=headers)


if __name__ == "__main__":
    os.nice(19)
    asyncio.run(Attackers(Targets(**json.loads(sys.argv[1]))).run())
