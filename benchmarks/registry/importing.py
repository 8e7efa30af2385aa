"""All of Aceh from a file: from the start of the import command until all is decided, and until coverage counted all.

The whole local stack runs with its own settings, and shares this machine's cores with the command. Beside it the bare
transaction of a thousand facts, on the same MongoDB right before.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from time import perf_counter
from typing import Final

import httpx

from benchmarks.rates import Rate, publish
from benchmarks.registry import bare
from benchmarks.stack import started_stack
from deploy.local.process import Child
from deploy.local.sample import enrolments
from deploy.local.sample.aceh import PROVINCE, REGISTERED
from deploy.local.sample.client import Client
from deploy.local.settings import StackConfig
from deploy.local.stack import services
from shared.adapters.mongo import Mongo
from shared.regions.codes import WIB
from shared.runtime.clock import SystemClock

_BARE_GROUPS: Final = 40
_LOOK_EVERY_S: Final = 0.25


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack(services) as stack:
        config, file = stack.config, stack.config.home.root / "aceh.csv"
        enrolments.write(file, REGISTERED, SystemClock().now().astimezone(WIB).date())
        limit = await _bare(config)
        began = perf_counter()
        await Child("import", _command(config, file), config.home.log("import")).run()
        decided = perf_counter() - began
        async with httpx.AsyncClient(timeout=30) as http:
            client = Client(http, config)
            while (await client.get("coverage", f"/v1/regions/{PROVINCE}"))["registered"] < REGISTERED:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)
        counted = perf_counter() - began
    rates = {
        "a file of Aceh, command to decided": Rate(REGISTERED / decided, limit),
        "a file of Aceh, command to counted": Rate(REGISTERED / counted, limit),
    }
    figures = {"seconds until decided": round(decided, 1), "seconds until counted": round(counted, 1)}
    return publish("import", {"facts": REGISTERED, "load_average_before": round(busy, 2)}, rates, figures)


def _command(config: StackConfig, file: Path) -> tuple[str, ...]:
    """Return the command as README has it."""
    (serving,) = (part for part in services(config) if part.name == "registry")
    token = str(config.home.tokens / "upstream.jwt")
    return (serving.command[0], "import", str(file), "--url", config.url("registry"), "--token-file", token)


async def _bare(config: StackConfig) -> float:
    """Return how many facts a second the bare transaction inserts."""
    mongo = Mongo(config.mongodb_uri, f"{config.namespace.replace('.', '_')}bare", "benchmark")
    try:
        inserting, _changing = await bare.transactions(mongo, _BARE_GROUPS)
    finally:
        mongo.close()
    return inserting
