"""Whether a fact costs more when there are more people, and what memory a long import takes: two million new people.

One import through the API, as NDJSON, into an empty registry beside Kafka and MongoDB. Its progress and the memory of
the registry's process are looked at while it runs. The limit, the bare transaction of a thousand facts, is taken first.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import httpx

from benchmarks.rates import Rate, publish
from benchmarks.registry import bare
from benchmarks.registry.facts import facts
from benchmarks.stack import registry_alone, started_stack
from deploy.local.stack import LocalStack
from shared.adapters.mongo import Mongo

_PEOPLE: Final = 2_000_000
_WINDOW: Final = 100_000
_BARE_GROUPS: Final = 40
_CACHE_GB: Final = 4.0
"""What two million people need of MongoDB's cache, with room: a cache that is too small is another measurement."""
_PART_LINES: Final = 1000
_LOOK_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """How far the import was at one moment, and the resident memory of the registry in MB."""

    at_s: float
    lines: int
    memory_mb: int


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(registry_alone, mongodb_cache_gb=_CACHE_GB) as stack:
        mongo = Mongo(stack.config.mongodb_uri, f"{stack.config.namespace.replace('.', '_')}bare", "benchmark")
        limit, _ = await bare.transactions(mongo, _BARE_GROUPS)
        mongo.close()
        looks = await _imported(stack)
    settings = {
        "people": _PEOPLE,
        "bare_group": bare.GROUP,
        "mongodb_cache_gb": _CACHE_GB,
        "load_average_before": round(busy, 2),
    }
    memory = {f"{look.lines:,} people": look.memory_mb for look in _every(looks, _WINDOW * 2)}
    found = {
        f"import, facts, from {first:,} people": Rate(_rate(looks, first), limit, 0.5)
        for first in (_WINDOW, _PEOPLE // 2, _PEOPLE - _WINDOW)
    }
    return publish("growth", settings | {"memory_mb": memory}, found)


async def _imported(stack: LocalStack) -> list[Look]:
    """Return what was seen while all lines were taken. Raises: AssertionError where a line was not accepted."""
    headers = {"Authorization": f"Bearer {(stack.config.home.tokens / 'upstream.jwt').read_text()}"}
    async with httpx.AsyncClient(base_url=stack.config.url("registry"), headers=headers, timeout=60) as client:
        posted = await client.post("/v1/imports", content=_parts(), headers={"Content-Type": "application/x-ndjson"})
        job: dict[str, Any] = posted.raise_for_status().json()
        looks = list[Look]()
        while job["state"] not in ("done", "failed"):
            await asyncio.sleep(_LOOK_EVERY_S)
            job = (await client.get(f"/v1/imports/{job['id']}")).raise_for_status().json()
            looks.append(Look(perf_counter(), job["lines"], _memory_mb(stack.pid("registry"))))
        assert job["outcomes"]["accepted"] == _PEOPLE, job
        return looks


async def _parts() -> AsyncIterator[bytes]:
    waiting = facts(_PEOPLE, run="growth")
    while part := list(islice(waiting, _PART_LINES)):
        yield b"\n".join(part) + b"\n"


def _memory_mb(pid: int | None) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


def _rate(looks: list[Look], first: int) -> float:
    """Return lines a second from `first` until a window later."""
    before, after = _first_at(looks, first), _first_at(looks, min(first + _WINDOW, looks[-1].lines))
    return (after.lines - before.lines) / (after.at_s - before.at_s)


def _first_at(looks: list[Look], lines: int) -> Look:
    return next(look for look in looks if look.lines >= lines)


def _every(looks: list[Look], lines: int) -> list[Look]:
    return [_first_at(looks, first) for first in range(lines, _PEOPLE + 1, lines)]
