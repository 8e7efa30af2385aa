"""How a benchmark's figures are summed up, shown and kept."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).parent / "results"
_TABLE_WIDTH: Final = 120
"""Also where there is no terminal to ask."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations summed up, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """Return the nearest-rank percentiles: each is a duration that was really measured.

        Raises: ValueError where nothing was measured.
        """
        if not seconds:
            raise ValueError("nothing was measured: no duration to sum up")
        ordered = sorted(seconds)
        return cls(len(ordered), *(_rank_ms(ordered, share) for share in (0.50, 0.95, 0.99)))

    def plus(self, other: Spread) -> Spread:
        """Return both one after the other, percentile by percentile; for high ones that is an upper estimate."""
        fewer = min(self.count, other.count)
        p50, p95, p99 = self.p50_ms + other.p50_ms, self.p95_ms + other.p95_ms, self.p99_ms + other.p99_ms
        return Spread(fewer, round(p50, 3), round(p95, 3), round(p99, 3))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured beside the bare hops that nothing can do without."""

    measured: Spread
    limit: Spread
    hops: tuple[str, ...]

    @property
    def ratio_p50(self) -> float:
        """How many times the limit's median the measured median is."""
        return round(self.measured.p50_ms / self.limit.p50_ms, 2)

    @property
    def ratio_p99(self) -> float:
        """How many times the limit's p99 the measured p99 is."""
        return round(self.measured.p99_ms / self.limit.p99_ms, 2)


def against(measured: Spread, hops: Sequence[str], limits: Mapping[str, Spread]) -> Comparison:
    """Return the measurement beside the sum of these hops, in which a hop may stand more than once."""
    total = limits[hops[0]]
    for hop in hops[1:]:
        total = total.plus(limits[hop])
    return Comparison(measured, total, tuple(hops))


def publish(
    name: str, settings: Mapping[str, Any], limits: Mapping[str, Spread], found: Mapping[str, Comparison]
) -> Path:
    """Print the result as JSON and as a table of ratios, keep it as results/<name>.json, and return that file."""
    document = {
        "settings": dict(settings),
        "limits": {hop: asdict(spread) for hop, spread in limits.items()},
        "measured": {what: _as_document(comparison) for what, comparison in found.items()},
    }
    return keep(name, document, _table(name, limits, found))


def keep(name: str, found: Mapping[str, Any], table: Table) -> Path:
    """Print what was found as JSON and as a table, keep it with the machine it was found on, and return the file."""
    document = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        **found,
    }
    text = json.dumps(document, indent=2)
    file = RESULTS / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text + "\n")
    print(text)
    Console(width=_TABLE_WIDTH).print(table)
    return file


def _as_document(comparison: Comparison) -> dict[str, Any]:
    ratios = {"ratio_p50": comparison.ratio_p50, "ratio_p99": comparison.ratio_p99}
    return {**asdict(comparison), **ratios}


def _table(name: str, limits: Mapping[str, Spread], found: Mapping[str, Comparison]) -> Table:
    table = Table("", "n", "p50 ms", "p95 ms", "p99 ms", "limit p50", "limit p99", "× p50", "× p99", title=name)
    for what, one in found.items():
        took = (one.measured.p50_ms, one.measured.p95_ms, one.measured.p99_ms)
        figures = (*took, one.limit.p50_ms, one.limit.p99_ms)
        ratios = (one.ratio_p50, one.ratio_p99)
        table.add_row(what, str(one.measured.count), *(f"{ms:.1f}" for ms in figures), *(f"{x:.1f}" for x in ratios))
    table.add_section()
    for hop, spread in limits.items():
        took = (spread.p50_ms, spread.p95_ms, spread.p99_ms)
        table.add_row(f"bare: {hop}", str(spread.count), *(f"{ms:.1f}" for ms in took))
    return table


def _rank_ms(ordered: Sequence[float], share: float) -> float:
    return round(ordered[ceil(share * len(ordered)) - 1] * 1000, 3)
