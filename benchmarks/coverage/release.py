"""How long the release of a whole country takes and what memory, with ten million people in every village of it.

`cakupan-coverage release` runs as a process of its own, beside MongoDB. There are two potentials a village, and a quota
for the nation. The limit beside it is the same command on a database where nobody is counted: it writes as many
documents, and has the same libraries and list of regions. Memory that grew with the people would stand in the ratio.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from rich.table import Table

from benchmarks.coverage.changes import villages
from benchmarks.coverage.reading import ALL_VILLAGES, count_people
from benchmarks.coverage.replica import apart, database_of
from benchmarks.report import keep
from benchmarks.stack import started_stack
from deploy.local.process import Child
from deploy.local.settings import StackConfig
from deploy.local.stack import services
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.mongo import MongoReference

_CACHE_GB: Final = 2.0
_LOOK_EVERY_S: Final = 0.02
_SINCE: Final = date(2020, 1, 1)
_SOURCE: Final = ("benchmark", "invented for a benchmark")
_A_FILE: Final = 20_000
"""Statements recorded at once, as of one file of reference data."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the making of a release took."""

    seconds: float
    peak_mb: float


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy, places = os.getloadavg()[0], villages(ALL_VILLAGES)
    async with started_stack(lambda _config: [], mongodb_cache_gb=_CACHE_GB) as stack:
        nobody, everybody = await apart(stack.config, "nobody"), await apart(stack.config, "everybody")
        await _prepare(nobody, [])
        await _prepare(everybody, places)
        await count_people(everybody, places)
        bare, made = await _made(nobody), await _made(everybody)
    settings = {"people": 10_000_000, "villages": len(places), "load_average_before": round(busy, 2)}
    ratios = {"memory": round(made.peak_mb / bare.peak_mb, 2), "time": round(made.seconds / bare.seconds, 2)}
    found: dict[str, Any] = {"settings": settings, "limit": asdict(bare), "measured": asdict(made), "ratios": ratios}
    table = Table("", "seconds", "peak MB", title="release")
    for name, one in (("nobody is counted", bare), ("ten million people", made)):
        table.add_row(name, f"{one.seconds:.1f}", f"{one.peak_mb:.0f}")
    table.add_row("ratio", str(ratios["time"]), str(ratios["memory"]))
    return keep("release", found, table)


async def _prepare(config: StackConfig, places: Sequence[str]) -> None:
    """Make the database exist, with reference data of these villages."""
    mongo = database_of(config)
    try:
        await MongoStore(mongo).prepare()
        reference = MongoReference(mongo)
        await reference.prepare()
        stated: list[Statement[Any]] = [
            Statement(POTENTIALS, place, basis, _SINCE, value, *_SOURCE)
            for place in places
            for basis, value in (("workers", 400), ("village_officials", 12))
        ]
        stated.append(Statement(QUOTAS, "ID", "vulnerable", _SINCE, Quota("active", 100, ("desa",)), *_SOURCE))
        for first in range(0, len(stated), _A_FILE):
            await reference.add(stated[first : first + _A_FILE], datetime.now(UTC))
    finally:
        mongo.close()


async def _made(config: StackConfig) -> Made:
    """Have the command make the release of the last month."""
    month = f"{datetime.now(UTC).date().replace(day=1) - timedelta(days=1):%Y-%m}"
    (serving,) = (part for part in services(config) if part.name == "coverage")
    command = (serving.command[0], "release", "--month", month)
    child = Child("release", command, config.home.log(f"release-{config.namespace}"), serving.environment)
    began, peak = perf_counter(), 0.0
    running = asyncio.create_task(child.run())
    while not running.done():
        peak = max(peak, _peak_mb(child))
        await asyncio.sleep(_LOOK_EVERY_S)
    await running
    return Made(round(perf_counter() - began, 1), peak)


def _peak_mb(child: Child) -> float:
    """Return the most memory that the process has had, in millions of bytes; 0 before it begins and when it ended."""
    try:
        status = Path(f"/proc/{child.pid}/status").read_text()
    except OSError:
        return 0.0
    return round(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6) if "VmHWM:" in status else 0.0
