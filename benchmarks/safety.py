"""Whether anonymous and hostile callers can make others wait: an official, the probes, facts on their way, memory.

On the stack with its sample, first idle and then beside fifty anonymous callers and five hostile ones at their worst
(`benchmarks/attackers.py`), each for the same time: an official's page of a province, readiness as a probe asks for it,
and facts from "accepted" until they are counted. The limit beside each is what was measured idle.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.attackers import ANONYMOUS, Targets
from benchmarks.report import Spread, keep
from benchmarks.stack import started_stack
from deploy.local.process import Child
from deploy.local.sample.people import invented_nik
from deploy.local.sample.scenario import play
from deploy.local.settings import StackConfig
from deploy.local.stack import LocalStack, services
from shared.regions.catalogue import catalogue

_SECONDS: Final = 60.0
_WARM_UP_S: Final = 5.0
"""So long the attackers are at it before anything is measured."""
_EVERY_S: Final = 0.1
_FACT_EVERY_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.025
_SERVICES: Final = ("registry", "coverage", "notifier")
_PROVINCE: Final = "51"
"""The facts are of its villages, one each; the sample is elsewhere."""


@dataclass(frozen=True, slots=True)
class Felt:
    """What others feel, and the memory of the services (peak, in millions of bytes)."""

    official: Spread
    readiness: Spread
    counted: Spread
    memory_mb: dict[str, int]


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(services=services) as stack:
        await play(stack.config, Console(quiet=True))
        villages = _villages()
        idle = await _felt(stack, [next(villages) for _ in range(int(_SECONDS / _FACT_EVERY_S))])
        attackers = _attackers(stack.config)
        await attackers.start()
        try:
            await asyncio.sleep(_WARM_UP_S)
            attacked = await _felt(stack, [next(villages) for _ in range(int(_SECONDS / _FACT_EVERY_S))])
            attackers.check()
        finally:
            await attackers.kill()
    settings = {"anonymous": ANONYMOUS, "hostile": 5, "seconds": _SECONDS, "load_average_before": round(busy, 2)}
    ratios = _ratios(idle, attacked)
    found = {"settings": settings, "limit": asdict(idle), "measured": asdict(attacked), "ratios": ratios}
    return keep("safety", found, _table(idle, attacked, ratios))


def _attackers(config: StackConfig) -> Child:
    last_month = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    tokens = {name: config.home.token(name) for name in ("upstream", "operator")}
    targets = Targets(config.url("registry"), config.url("coverage"), released_to=str(last_month), **tokens)
    command = (sys.executable, "-m", "benchmarks.attackers", json.dumps(asdict(targets)))
    return Child("attackers", command, config.home.log("attackers"))


async def _felt(stack: LocalStack, villages: list[str]) -> Felt:
    """Measure for a while what others feel."""
    config = stack.config
    official = {"authorization": f"Bearer {config.home.token('governor-aceh')}"}
    async with httpx.AsyncClient(timeout=60) as http, httpx.AsyncClient(timeout=60) as probe:

        async def page() -> None:
            (await http.get(f"{config.url('coverage')}/v1/regions/11", headers=official)).raise_for_status()

        async def ready() -> None:
            (await probe.get(f"{config.operators_url('coverage')}/health/ready")).raise_for_status()

        pages, probes, counted = await asyncio.gather(
            _repeated(page),
            _repeated(ready),
            asyncio.gather(*(_counted(config, n, one) for n, one in enumerate(villages))),
        )
    return Felt(
        Spread.of(pages), Spread.of(probes), Spread.of(counted), {one: _peak_mb(stack, one) for one in _SERVICES}
    )


async def _repeated(step: Callable[[], Awaitable[None]]) -> list[float]:
    """Take the step again and again, not faster than every 100 ms, and return how long each took, in seconds."""
    taken, ends = list[float](), perf_counter() + _SECONDS
    while (began := perf_counter()) < ends:
        await step()
        taken.append(perf_counter() - began)
        await asyncio.sleep(max(0.0, _EVERY_S - taken[-1]))
    return taken


async def _counted(config: StackConfig, number: int, village: str) -> float:
    """Send a fact at its time, and return how long after "accepted" its village shows the person."""
    await asyncio.sleep(number * _FACT_EVERY_S)
    upstream, operator = ({"authorization": f"Bearer {config.home.token(name)}"} for name in ("upstream", "operator"))
    structured = upstream | {"content-type": "application/cloudevents+json"}
    async with httpx.AsyncClient(timeout=60) as http:
        sent = json.dumps(_fact(village))
        (await http.post(f"{config.url('registry')}/v1/facts", content=sent, headers=structured)).raise_for_status()
        accepted = perf_counter()
        while True:
            answer = await http.get(f"{config.url('coverage')}/v1/regions/{village}", headers=operator)
            if answer.raise_for_status().json()["registered"]:
                return perf_counter() - accepted
            await asyncio.sleep(_LOOK_EVERY_S)


def _villages() -> Any:
    tree = catalogue()
    return (v for r in tree.children(_PROVINCE) for d in tree.children(r) for v in tree.children(d))


def _fact(village: str) -> dict[str, Any]:
    now, serial = datetime.now(UTC), int(village.replace(".", "")) % 1_000_000
    data = {
        "identity": {"scheme": "nik", "value": invented_nik(serial, date(1990, 1, 1), woman=False)},
        "region": village,
        "segment": "BPU",
        "paid_through": f"{now + timedelta(days=90):%Y-%m}",
    }
    about = {"specversion": "1.0", "id": f"safety-{village}", "source": "bpjs/aceh", "type": "cakupan.enrolled.v1"}
    return {**about, "time": now.isoformat(), "data": data}


def _peak_mb(stack: LocalStack, service: str) -> int:
    status = Path(f"/proc/{stack.pid(service)}/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)


def _ratios(idle: Felt, attacked: Felt) -> dict[str, float]:
    memory = {f"memory of {one}": attacked.memory_mb[one] / idle.memory_mb[one] for one in _SERVICES}
    waits = {
        "official's page, p99": attacked.official.p99_ms / idle.official.p99_ms,
        "readiness, p99": attacked.readiness.p99_ms / idle.readiness.p99_ms,
    }
    return {name: round(ratio, 2) for name, ratio in (waits | memory).items()}


def _table(idle: Felt, attacked: Felt, ratios: dict[str, float]) -> Table:
    table = Table("", "idle", "attacked", "×", "wanted", title="safety")
    waits = (("official's page", idle.official, attacked.official), ("readiness", idle.readiness, attacked.readiness))
    for name, before, after in waits:
        table.add_row(f"{name}, p50 ms", f"{before.p50_ms:.1f}", f"{after.p50_ms:.1f}", "", "")
        ratio = str(ratios[f"{name}, p99"])
        table.add_row(f"{name}, p99 ms", f"{before.p99_ms:.1f}", f"{after.p99_ms:.1f}", ratio, "< 5")
    for share in ("p50_ms", "p99_ms"):
        before_ms, after_ms = getattr(idle.counted, share), getattr(attacked.counted, share)
        table.add_row(f"accepted → counted, {share[:3]} ms", f"{before_ms:.0f}", f"{after_ms:.0f}", "", "< 2,000 ms")
    for one in _SERVICES:
        mb = (str(felt.memory_mb[one]) for felt in (idle, attacked))
        table.add_row(f"memory of {one}, MB", *mb, str(ratios[f"memory of {one}"]), "< 1.5")
    return table
