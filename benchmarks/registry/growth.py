"""Whether a fact costs more when there are more people, and what memory a long import takes: two million new people.

The import command sends them as NDJSON on its standard input into an empty registry beside Kafka and MongoDB. What the
registry has accepted and the memory of its process are polled while it runs. The limit, the bare transaction of a
thousand facts, is taken first.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Final

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
_CACHE_GB: Final = 1.0
"""Less than two million people need, so that their pages must be read and written again, as in a large installation."""
_WRITTEN_AT_ONCE: Final = 1000
_POLL_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """How many facts were accepted at one moment, and the resident memory of the registry in MB."""

    at_s: float
    accepted: int
    memory_mb: int


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(registry_alone, mongodb_cache_gb=_CACHE_GB) as stack:
        mongo = Mongo(stack.config.mongodb_uri, f"{stack.config.namespace.replace('.', '_')}bare", "benchmark")
        limit, _ = await bare.transactions(mongo, _BARE_GROUPS)
        mongo.close()
        samples = await _imported(stack)
    settings = {
        "people": _PEOPLE,
        "bare_group": bare.GROUP,
        "mongodb_cache_gb": _CACHE_GB,
        "load_average_before": round(busy, 2),
    }
    every = range(2 * _WINDOW, _PEOPLE + 1, 2 * _WINDOW)
    memory = {f"{sample.accepted:,} people": sample.memory_mb for sample in (_first_at(samples, n) for n in every)}
    found = {
        f"import, facts, from {first:,} people": Rate(_rate(samples, first), limit)
        for first in (_WINDOW, _PEOPLE // 2, _PEOPLE - _WINDOW)
    }
    return publish("growth", settings | {"memory_mb": memory}, found)


async def _imported(stack: LocalStack) -> list[Sample]:
    """Return the samples taken until the command ended. Raises: AssertionError where a fact was not accepted."""
    command = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("cakupan-registry"), "import", "-", "--format", "ndjson",
        "--url", stack.config.url("registry"), "--token-file", str(stack.config.home.tokens / "upstream.jwt"),
        stdin=PIPE,
    )  # fmt: skip
    assert command.stdin is not None
    writing = asyncio.create_task(_write(command.stdin))
    ending = asyncio.create_task(command.wait())
    samples = list[Sample]()
    async with httpx.AsyncClient(base_url=stack.config.operators_url("registry")) as client:
        while not ending.done():
            await asyncio.wait({ending}, timeout=_POLL_EVERY_S)
            samples.append(Sample(perf_counter(), await _accepted(client), _memory_mb(stack.pid("registry"))))
    await writing
    assert (ending.result(), samples[-1].accepted) == (0, _PEOPLE)
    return samples


async def _write(into: asyncio.StreamWriter) -> None:
    waiting = facts(_PEOPLE, run="growth")
    while part := list(islice(waiting, _WRITTEN_AT_ONCE)):
        into.write(b"\n".join(part) + b"\n")
        await into.drain()
    into.close()


async def _accepted(client: httpx.AsyncClient) -> int:
    lines = (await client.get("/metrics")).text.splitlines()
    counts = [line for line in lines if line.startswith('registry_facts_total{outcome="accepted"')]
    return sum(int(float(line.rpartition(" ")[2])) for line in counts)


def _memory_mb(pid: int | None) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


def _rate(samples: list[Sample], first: int) -> float:
    """Return facts a second from `first` until a window later."""
    before, after = _first_at(samples, first), _first_at(samples, min(first + _WINDOW, samples[-1].accepted))
    return (after.accepted - before.accepted) / (after.at_s - before.at_s)


def _first_at(samples: list[Sample], accepted: int) -> Sample:
    return next(sample for sample in samples if sample.accepted >= accepted)
