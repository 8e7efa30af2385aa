"""`python -m benchmarks [NAME…]`: runs the benchmarks of these names, or all, and writes README's table."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from benchmarks import deliveries, latency, notifier, person, safety, sizes, table
from benchmarks.coverage import measure as coverage
from benchmarks.coverage import pages, reading, rebuild, release
from benchmarks.registry import growth, importing
from benchmarks.registry import measure as registry

BENCHMARKS: Final[dict[str, Callable[[], Awaitable[Path]]]] = {
    "coverage": coverage.measure,
    "deliveries": deliveries.measure,
    "reading": reading.measure,
    "rebuild": rebuild.measure,
    "release": release.measure,
    "growth": growth.measure,
    "import": importing.measure,
    "latency": latency.measure,
    "notifier": notifier.measure,
    "pages": pages.measure,
    "person": person.measure,
    "registry": registry.measure,
    "safety": safety.measure,
    "sizes": sizes.measure,
}
"""Name on the command line and of the result file → what runs it."""


async def _run(names: list[str]) -> None:
    for name in names:
        print(f"kept in {await BENCHMARKS[name]()}")
        table.README.write_text(table.readme())


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    asyncio.run(_run(wanted))
